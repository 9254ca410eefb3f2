// Real browsers for tests: open a page, or run one that reports a JSON result.
import {randomUUID} from 'node:crypto';
import {openChromiumPage} from './chromiumPage.mjs';
import {openFirefoxPage} from './firefoxPage.mjs';
import {startPageServer} from './pageServer.mjs';

export {startPageServer};
export const browsers = ['chromium', 'firefox', 'chromium-webnn'];

/**
 * Opens `url` and gives {log, crashed, evaluate(expression), screenshot(path, {fullPage}), click(selector), close()},
 * in Chromium press(key) too: a Firefox without a screen gives its pages no focus.
 * browser: 'chromium' (WebGPU on SwiftShader), 'firefox' (WebGPU on lavapipe) or 'chromium-webnn'.
 */
export function openPage(options) {
  if (!browsers.includes(options.browser))
    throw new Error(`No browser ${options.browser}; there are ${browsers.join(', ')}.`);
  return options.browser === 'firefox' ? openFirefoxPage(options) : openChromiumPage(options);
}

/**
 * Opens `url` with a query parameter `report` added; the page posts its JSON result there, and that is what comes back.
 * Fails when the page reports {error}, when the browser goes away, or after timeoutMs; the message ends with the console.
 */
export async function runPage({browser, url, timeoutMs = 120000, screenshot, ...options}) {
  const mailbox = await startPageServer({mounts: {}});
  const id = randomUUID();
  const address = new URL(url);
  address.searchParams.set('report', `${mailbox.origin}/report/${id}`);
  let page, timer;
  try {
    page = await openPage({browser, url: address.href, ...options});
    const late = new Promise((_, reject) => {
      const hung = () => Object.assign(new Error(`The page did not report in ${timeoutMs} ms.`), {hung: true});
      timer = setTimeout(() => reject(hung()), timeoutMs);
    });
    const gone = page.crashed.then((reason) => {
      throw new Error(`The page cannot report: ${reason}.`);
    });
    const result = await Promise.race([mailbox.report(id), late, gone]);
    if (screenshot) await page.screenshot(screenshot);
    if (result.error) throw new Error(`The page reported: ${result.error}`);
    return result;
  } catch (error) {
    const console = page?.log.length ? `\n  ${page.log.slice(-20).join('\n  ')}` : '';
    throw Object.assign(new Error(`${browser}: ${error.message}${console}`), {hung: error.hung});
  } finally {
    clearTimeout(timer);
    await page?.close();
    await mailbox.close();
  }
}
