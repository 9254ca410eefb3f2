// The demo page as people get it, served by `ipfs-accelerate serve` and run by its own controls. Each test gives a note, or throws.
import {openPage} from './browsers.mjs';
import {expect} from './expect.mjs';
import {until} from './sdkPage.mjs';

const ready = 'document.body.dataset.ready === "true"';
const errorShown = 'document.getElementById("error").hidden ? "" : document.getElementById("error").textContent';
const chosenCount = 'document.querySelectorAll("#pictures img").length';

/** Files as if they were chosen by the button. */
const choose = (page, files) =>
  page.evaluate(`(() => {
    const list = new DataTransfer();
    for (const [name, type] of ${JSON.stringify(files)}) list.items.add(new File(['hello'], name, {type}));
    const input = document.getElementById('picture');
    input.files = list.files;
    for (const type of ['input', 'change']) input.dispatchEvent(new Event(type, {bubbles: true}));
  })()`);

/** A choice as a person makes it: the page hears of it. */
const enter = (page, id, property, value) =>
  page.evaluate(`(() => {
    const field = document.getElementById('${id}');
    field.${property} = ${JSON.stringify(value)};
    for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, {bubbles: true}));
  })()`);

/** Pictures are taken once, and taken back; what is none is refused by its name. */
async function choosing(page) {
  await page.click('#samples button');
  await until(page, `${chosenCount} === 1`);
  expect((await page.evaluate(errorShown)) === '', 'the error stays after a picture is chosen');
  await page.click('#samples button');
  await page.click('#samples button:nth-child(2)');
  await until(page, `${chosenCount} === 2`);
  await page.click('#pictures button[aria-label="Remove 001.png"]');
  expect((await page.evaluate(chosenCount)) === 1, 'a picture cannot be taken back');
  await choose(page, [
    ['notes.txt', 'text/plain'],
    ['fake.png', 'image/png'],
  ]);
  await until(page, `(${errorShown}).includes('notes.txt, fake.png: not taken')`);
  expect((await page.evaluate(chosenCount)) === 1, 'what is no picture is among the chosen');
}

/** A writer by its CID, after pictures: the page asks what it takes, and no picture is given to it. */
async function anotherModel(page, cid) {
  await enter(page, 'model', 'selectedIndex', await page.evaluate('document.getElementById("model").length - 1'));
  const seen = await page.evaluate('document.getElementById("answer").innerText');
  expect(seen.startsWith('What happens'), `the answer of the model before stays: ${seen}`);
  await enter(page, 'address', 'value', cid);
  await until(page, '!document.getElementById("length").hidden');
  expect(await page.evaluate('document.getElementById("picture-field").hidden'), 'a writer is offered pictures');
  await enter(page, 'text', 'value', '42 =');
  await page.click('#run');
  await until(page, 'document.getElementById("answer").dataset.platform', 120000);
  expect((await page.evaluate(asked)) === '42 =', `the prompt is shown as ${await page.evaluate(asked)}`);
  expect((await page.evaluate(written)) === 'forty two', `the text is ${await page.evaluate(written)}`);
  expect((await page.evaluate('location.search')).includes(cid), 'a reload would not choose the model again');
}

/** The demo page with a sample picture: taken by a click, run, and shown with its label. */
export async function demoPicture({browser, device}, gateway) {
  const url = `${gateway.url}/?model=digits-vit&device=${device}`;
  const page = await openPage({browser, width: 1280, height: 844, url});
  try {
    await until(page, ready);
    await until(page, 'document.querySelector("#samples button")');
    expect(await page.evaluate('document.getElementById("text-field").hidden'), 'sentences are asked for');
    await page.click('#run');
    await until(page, '!document.getElementById("error").hidden');
    expect(
      (await page.evaluate('document.getElementById("error").textContent')).includes('Choose a picture'),
      'a run without a picture does not say so',
    );
    await choosing(page);
    await page.click('#run');
    await until(page, 'document.getElementById("answer").dataset.platform', 120000);
    const seen = await page.evaluate(`({
      text: document.getElementById('answer').innerText,
      platform: document.getElementById('answer').dataset.platform,
      picture: document.querySelector('#answer .shown img')?.naturalWidth,
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    })`);
    expect(/000\.png\s+one/.test(seen.text), `the page says ${seen.text}`);
    expect(seen.platform === device, `computed on ${seen.platform}`);
    expect(seen.picture > 0, 'the picture is not shown');
    expect(seen.wide <= 0, `the page is ${seen.wide} px wider than the window`);
    if (device === 'cpu') await anotherModel(page, gateway.cids['numbers-gpt2']);
    const problems = page.log.filter((line) => /^error/.test(line));
    expect(problems.length === 0, problems.join('; '));
    return 'one';
  } finally {
    await page.close();
  }
}

/** The page as people get it: served by `ipfs-accelerate serve`, run by its own controls. */
export async function demo({browser, width, device, model}, gateway) {
  const page = await openPage({browser, width, height: 844, url: `${gateway.url}/?model=${model}&device=${device}`});
  try {
    await until(page, 'document.body.dataset.ready === "true"');
    await page.click('#run');
    await until(
      page,
      'document.getElementById("answer").dataset.platform || !document.getElementById("error").hidden',
      120000,
    );
    const seen = await page.evaluate(`({
      error: document.getElementById('error').hidden ? '' : document.getElementById('error').textContent,
      platform: document.getElementById('answer').dataset.platform,
      text: document.getElementById('answer').innerText,
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    })`);
    expect(!seen.error, seen.error);
    expect(device === 'auto' || seen.platform === device, `computed on ${seen.platform}`);
    expect(seen.text.includes(gateway.cids[model]), 'the page does not show the CID');
    expect(
      /a trustless gateway/.test(seen.text) && /Verified/.test(seen.text),
      'the page does not say where the bytes came from',
    );
    expect(seen.wide <= 0, `the page is ${seen.wide} px wider than the window`);
    if (page.press && model === 'numbers-bert') await keyboard(page);
    const problems = page.log.filter((line) => /^error/.test(line));
    expect(problems.length === 0, problems.join('; '));
    return seen.platform;
  } finally {
    await page.close();
  }
}

/** The map, the devices and the button by keys alone. */
async function keyboard(page) {
  await page.evaluate('document.querySelector(".heat td[tabindex=\\"0\\"]").focus()');
  await page.press('ArrowRight');
  await page.press('ArrowDown');
  const pair = await page.evaluate('document.querySelector(".pair").textContent');
  expect(/^“forty two” and “forty two”: 1\.0/.test(pair), `the arrow keys tell ${pair}`);
  await page.evaluate(
    'document.getElementById("run").focus(); delete document.getElementById("answer").dataset.platform',
  );
  await page.press('Enter');
  await until(page, 'document.getElementById("answer").dataset.platform', 120000);
}

const asked = 'document.querySelector("#answer .asked")?.textContent ?? ""';
const written = 'document.querySelector(".written")?.textContent ?? ""';
/** What a page's run has written, from the prompt that the page offers for its model. */
const writers = {
  'numbers-gpt2': {prompt: '42 =', text: 'forty two', tokens: 2},
  'numbers-t5': {prompt: 'to words: 42', text: 'forty two'},
};

async function startWriting({browser, device, model, prompt}, gateway) {
  const page = await openPage({browser, url: `${gateway.url}/?model=${model}&device=${device}`});
  await until(page, 'document.body.dataset.ready === "true"');
  if (prompt) await page.evaluate(`document.getElementById('text').value = ${JSON.stringify(prompt)}`);
  await page.click('#run');
  return page;
}

/** A text in the demo page, from the prompt that is offered: it comes, and its speed is told. */
export async function writing({browser, device, model}, gateway) {
  const {prompt, text, tokens = '\\d+'} = writers[model];
  const page = await startWriting({browser, device, model}, gateway);
  try {
    const over = 'document.getElementById("answer").dataset.platform || !document.getElementById("error").hidden';
    await until(page, over, 240000);
    const seen = await page.evaluate(`({
      prompt: document.getElementById('text').value,
      text: ${written},
      all: document.getElementById('answer').innerText,
      platform: document.getElementById('answer').dataset.platform,
      error: document.getElementById('error').hidden ? '' : document.getElementById('error').textContent,
    })`);
    expect(!seen.error && seen.platform === device, `on ${seen.platform}: ${seen.error}`);
    expect(seen.prompt === prompt, `the page offers the prompt '${seen.prompt}'`);
    expect(seen.text === text, `the text is '${seen.text}'`);
    expect(RegExp(`${tokens} tokens written; the model ended it`).test(seen.all), `no count of tokens: ${seen.all}`);
    expect(/[\d.]+ tokens per second/.test(seen.all), `no speed: ${seen.all}`);
    await wrongLimits(page);
    return device;
  } finally {
    await page.close();
  }
}

/** A number that no text can have is told, the last answer goes, and writing on takes the error away. */
async function wrongLimits(page) {
  for (const limit of ['-5', '0', '1.5', '1000001']) {
    await enter(page, 'tokens', 'value', limit);
    await page.click('#run');
    await until(page, `(${errorShown}).includes('is ${limit}. Give a whole number from 1 to 1000000')`);
    expect((await page.evaluate(written)) === '', 'the last answer stays under an error');
    await enter(page, 'tokens', 'value', '');
    expect((await page.evaluate(errorShown)) === '', 'the error stays after the number is changed');
  }
}

/** A text in the demo page is stopped, and what came of it stays. */
export async function stopping({browser, device}, gateway) {
  const page = await startWriting({browser, device, model: 'numbers-gpt2-long', prompt: '42 ='}, gateway);
  try {
    await until(page, `(${written}).startsWith('forty')`, 240000);
    expect(!(await page.evaluate('document.getElementById("stop").hidden')), 'it was over before it could be stopped');
    await page.click('#stop');
    await until(page, '/^Stopped after \\d+ pieces? of text/.test(document.getElementById("stopped").textContent)');
    expect((await page.evaluate(errorShown)) === '', 'a stop is shown as an error');
    const seen = await page.evaluate('document.getElementById("answer").innerText');
    expect(seen.includes('forty') && !seen.includes('so far'), `what is left of it is ${seen}`);
    return device;
  } finally {
    await page.close();
  }
}
