// Firefox ESR with a fresh profile, driven over WebDriver BiDi (its own remote protocol; no driver program is needed).
import {spawn} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

// WebGPU on lavapipe; everything that would call home is off.
const preferences = {
  'dom.webgpu.enabled': true,
  'gfx.webgpu.ignore-blocklist': true,
  'dom.webgpu.service-workers.enabled': true,
  'app.update.enabled': false,
  'app.normandy.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.safebrowsing.update.enabled': false,
  'browser.region.network.url': '',
  'datareporting.policy.dataSubmissionEnabled': false,
  'datareporting.healthreport.uploadEnabled': false,
  'extensions.update.enabled': false,
  'extensions.getAddons.cache.enabled': false,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'security.OCSP.enabled': 0,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
  'toolkit.telemetry.unified': false,
  'remote.prefs.recommended': true,
};

/** Opens a page. profile: a folder kept between calls (for cache tests); by default a fresh one, deleted at the end. */
export async function openFirefoxPage({url, width = 1280, height = 800, dark = false, profile}) {
  const folder = profile ?? (await mkdtemp(join(tmpdir(), 'firefox-')));
  const all = {...preferences, 'layout.css.prefers-color-scheme.content-override': dark ? 0 : 1};
  await writeFile(
    join(folder, 'user.js'),
    Object.entries(all)
      .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`)
      .join('\n'),
  );
  const child = spawn('firefox-esr', ['--headless', '--no-remote', '--profile', folder, '--remote-debugging-port=0'], {
    env: {...process.env, HOME: folder, MOZ_CRASHREPORTER_DISABLE: '1'},
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stop = async () => {
    if (child.exitCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(force);
    }
    if (!profile) await rm(folder, {recursive: true, force: true, maxRetries: 5});
  };
  try {
    const bidi = await connect(await listeningAddress(child));
    const {contexts} = await bidi.send('browsingContext.getTree', {});
    const context = contexts[0].context;
    await bidi.send('browsingContext.setViewport', {context, viewport: {width, height}});
    await bidi.send('browsingContext.navigate', {context, url, wait: 'none'});
    return page(bidi, context, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

function page(bidi, context, stop) {
  return {
    log: bidi.log,
    crashed: bidi.closed,
    async evaluate(expression) {
      const answer = await bidi.send('script.evaluate', {
        expression: `(async () => JSON.stringify(await (${expression})))()`,
        target: {context},
        awaitPromise: true,
      });
      if (answer.type === 'exception') throw new Error(answer.exceptionDetails.text);
      return answer.result.value === undefined ? undefined : JSON.parse(answer.result.value);
    },
    async screenshot(path, {fullPage = false} = {}) {
      const {data} = await bidi.send('browsingContext.captureScreenshot', {
        context,
        origin: fullPage ? 'document' : 'viewport',
      });
      await writeFile(path, Buffer.from(data, 'base64'));
    },
    async click(selector) {
      const at = await this.evaluate(centreAtRest(selector));
      await bidi.send('input.performActions', {
        context,
        actions: [
          {
            type: 'pointer',
            id: 'mouse',
            actions: [
              {type: 'pointerMove', ...at},
              {type: 'pointerDown', button: 0},
              {type: 'pointerUp', button: 0},
            ],
          },
        ],
      });
    },
    async close() {
      bidi.close();
      await stop();
    },
  };
}

/** The middle of an element, once the page has stopped moving it. */
const centreAtRest = (selector) => `(async () => {
  const element = document.querySelector(${JSON.stringify(selector)});
  element.scrollIntoView({block: 'center'});
  for (let last = '';;) {
    const {x, y, width, height} = element.getBoundingClientRect();
    const now = [x, y, width, height].join();
    if (now === last) return {x: Math.round(x + width / 2), y: Math.round(y + height / 2)};
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
})()`;

function listeningAddress(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`Firefox did not start in 60 s: ${text.slice(-500)}`)), 60000);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`Firefox ended with code ${code}: ${text.slice(-500)}`)));
    child.stderr.on('data', (chunk) => {
      text += chunk;
      const found = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(text);
      if (found) {
        clearTimeout(timer);
        resolve(found[1]);
      }
    });
  });
}

/** A BiDi session over a WebSocket: send(method, params) -> result; log collects console lines. */
async function connect(address) {
  const socket = new WebSocket(`${address}/session`);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`no connection to ${address}`));
  });
  const pending = new Map();
  const log = [];
  let next = 1;
  let tellClosed;
  const closed = new Promise((resolve) => {
    tellClosed = resolve;
  });
  socket.onclose = () => {
    tellClosed('the connection to Firefox closed');
    for (const {reject} of pending.values()) reject(new Error('the connection to Firefox closed'));
  };
  socket.onmessage = ({data}) => {
    const message = JSON.parse(data);
    if (message.method === 'log.entryAdded') log.push(`${message.params.level}: ${message.params.text}`);
    const waiter = pending.get(message.id);
    if (!waiter) return;
    pending.delete(message.id);
    if (message.type === 'success') waiter.resolve(message.result);
    else waiter.reject(new Error(`${message.error}: ${message.message}`));
  };
  const send = (method, params) =>
    new Promise((resolve, reject) => {
      pending.set(next, {resolve, reject});
      socket.send(JSON.stringify({id: next++, method, params}));
    });
  await send('session.new', {capabilities: {}});
  await send('session.subscribe', {events: ['log.entryAdded']});
  return {send, log, closed, close: () => socket.close()};
}
