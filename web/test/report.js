// For pages under test: sends a result, or the error that came instead, to the address in the query parameter `report`.
const address = new URL(location.href).searchParams.get('report');

/** Runs `work` and posts what it returns. */
export async function report(work) {
  const result = await work().catch((error) => ({
    error: `${error.code ? `[${error.code}] ` : ''}${error.stack ?? error}`,
  }));
  document.body.append(Object.assign(document.createElement('pre'), {textContent: JSON.stringify(result, null, 2)}));
  if (address) await fetch(address, {method: 'POST', body: JSON.stringify(result)});
}
