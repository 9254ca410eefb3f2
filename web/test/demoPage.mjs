// The demo page as people get it, served by `ipfs-accelerate serve` and run by its own controls. Each test gives a note, or throws.
import {openPage} from './browsers.mjs';
import {expect} from './expect.mjs';
import {until} from './sdkPage.mjs';

/** The demo page with a sample picture: taken by a click, run, and shown with its label. */
export async function demoPicture({browser, device}, gateway) {
  const url = `${gateway.url}/?model=digits-vit&device=${device}`;
  const page = await openPage({browser, width: 1280, height: 844, url});
  try {
    await until(page, 'document.body.dataset.ready === "true"');
    await until(page, 'document.querySelector("#samples button")');
    expect(await page.evaluate('document.getElementById("text-field").hidden'), 'sentences are asked for');
    await page.click('#run');
    await until(page, '!document.getElementById("error").hidden');
    expect(
      (await page.evaluate('document.getElementById("error").textContent')).includes('Choose a picture'),
      'a run without a picture does not say so',
    );
    await page.click('#samples button');
    await until(page, 'document.querySelector("#pictures img")');
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

const written = 'document.querySelector(".written")?.textContent ?? ""';
/** What a page's run has written, from the prompt that the page offers for its model. */
const writers = {
  'numbers-gpt2': {prompt: '42 =', text: ' forty two', tokens: 2},
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
    expect(RegExp(`${tokens} tokens; the model ended it`).test(seen.all), `no count of tokens: ${seen.all}`);
    expect(/[\d.]+ tokens per second/.test(seen.all), `no speed: ${seen.all}`);
    return device;
  } finally {
    await page.close();
  }
}

/** A text in the demo page is stopped, and what came of it stays. */
export async function stopping({browser, device}, gateway) {
  const page = await startWriting({browser, device, model: 'numbers-gpt2-long', prompt: '42 ='}, gateway);
  try {
    await until(page, `(${written}).startsWith(' forty')`, 240000);
    expect(!(await page.evaluate('document.getElementById("stop").hidden')), 'it was over before it could be stopped');
    await page.click('#stop');
    await until(page, 'document.getElementById("error").dataset.code === "cancelled"');
    expect((await page.evaluate(written)).startsWith(' forty'), 'what came is gone');
    return device;
  } finally {
    await page.close();
  }
}
