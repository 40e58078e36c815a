// Runs the built worker in Miniflare, wrangler's own runtime, without wrangler's proxy in front of it.
//
// stdin:  one line of JSON, the description that xtask makes of wrangler.toml (xtask/src/wrangler.rs). Then it
//         stays open: each further line, `poke`, runs the cron now, and its end means that the parent is gone, and
//         the runtime stops too.
// stdout: one JSON object a line, each with an `event`: step, ready, restarted, failed.
// The worker's logs go to stderr, or to the file that the description names.

import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { applyMigrations, applySeed } from './catalogue.mjs';
import { loadMiniflare } from './patched.mjs';

const RESTARTS_MAX = 5;
const RESTART_WINDOW_MS = 10_000;

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');

let runtime;
let workerd;
let crons = [];
let stopping = false;

async function stop(code) {
  if (stopping) return;
  stopping = true;
  // A runtime that does not come down by itself must not keep the port: it is killed after two seconds.
  setTimeout(() => { workerd?.kill('SIGKILL'); process.exit(code); }, 2_000).unref();
  try { await runtime?.dispose(); } catch { /* it is going away in any case */ }
  process.exit(code);
}

function fail(message) {
  say({ event: 'failed', message });
  stop(1);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0));
process.on('uncaughtException', (error) => fail(String(error?.message ?? error)));
process.on('unhandledRejection', (error) => fail(String(error?.message ?? error)));

/** Runs the crons now. Relays and readers of topics, which nobody calls, begin their work with it. */
async function poke() {
  const asked = workerd;
  try {
    const worker = await runtime.getWorker();
    for (const cron of crons) await worker.scheduled({ cron });
  } catch (error) {
    // A workerd that died meanwhile is started again, and asked again.
    const alive = asked === workerd && workerd.exitCode === null && workerd.signalCode === null;
    if (!stopping && alive) process.stderr.write(`cron: ${error?.message ?? error}\n`);
  }
}

/** Miniflare's options: the worker, and beside it a worker that has nothing but the static files.
 *
 * With the files on the worker itself, Miniflare would put two proxies of its own before every request. */
function optionsOf(description, logs) {
  const { name, assets } = description;
  const serviceBindings = assets ? { [assets.binding]: { name: `${name}-files` } } : {};
  const worker = {
    name,
    compatibilityDate: description.compatibilityDate,
    compatibilityFlags: description.compatibilityFlags,
    modulesRoot: description.modulesRoot,
    modules: [
      { type: 'ESModule', path: join(description.modulesRoot, 'index.js') },
      { type: 'CompiledWasm', path: join(description.modulesRoot, 'index_bg.wasm') },
    ],
    bindings: description.vars,
    d1Databases: Object.fromEntries(description.databases.map((d1) => [d1.binding, d1.id])),
    durableObjects: Object.fromEntries(
      description.durableObjects.map((object) => [object.binding, { className: object.className, useSQLite: true }]),
    ),
    serviceBindings,
    stripCfConnectingIp: false,
    unsafeDirectSockets: [{ host: '127.0.0.1', port: description.port }],
  };
  const files = assets && {
    name: `${name}-files`,
    compatibilityDate: description.compatibilityDate,
    modules: true,
    script: 'export default { fetch: () => new Response(null, { status: 404 }) };',
    assets: {
      directory: assets.directory,
      workerName: `${name}-files`,
      routerConfig: { has_user_worker: false },
      assetConfig: { html_handling: assets.htmlHandling, not_found_handling: assets.notFoundHandling },
    },
  };
  return {
    host: '127.0.0.1',
    port: 0,
    cf: false,
    defaultPersistRoot: description.state,
    handleRuntimeStdio: (stdout, stderr) => {
      stdout.pipe(logs, { end: false });
      stderr.pipe(logs, { end: false });
    },
    workers: files ? [worker, files] : [worker],
  };
}

async function run(description) {
  mkdirSync(description.state, { recursive: true });
  const logs = description.log ? createWriteStream(description.log, { flags: 'a' }) : process.stderr;
  const options = optionsOf(description, logs);
  const restarts = [];

  const onSpawn = (child) => {
    workerd = child;
    child.once('exit', (code, signal) => {
      if (stopping || workerd !== child) return;
      restart(signal ?? `status ${code}`);
    });
  };

  const Miniflare = loadMiniflare(description.v8Flags, onSpawn);
  runtime = new Miniflare(options);
  await runtime.ready;

  async function restart(reason) {
    const now = Date.now();
    while (restarts.length > 0 && now - restarts[0] > RESTART_WINDOW_MS) restarts.shift();
    restarts.push(now);
    if (restarts.length > RESTARTS_MAX) return fail(`workerd ended ${restarts.length} times in 10 seconds (last: ${reason})`);
    await runtime.setOptions(options);
    say({ event: 'restarted', reason, workerdPid: workerd.pid, ms: Date.now() - now });
    poke();
  }

  for (const d1 of description.databases) {
    const database = await runtime.getD1Database(d1.binding);
    for (const name of await applyMigrations(database, d1.migrations)) say({ event: 'step', text: `migration ${name}` });
    if (d1.seed && (await applySeed(database, d1.seed))) say({ event: 'step', text: 'demo catalogue seeded' });
  }

  // Miniflare has no scheduler of its own. One cron a minute is all that the worker asks for.
  crons = description.crons;
  setInterval(poke, 60_000).unref();
  say({ event: 'ready', origin: `http://127.0.0.1:${description.port}`, workerdPid: workerd.pid });
}

let started = false;
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (started) {
      if (line === 'poke') poke();
      return;
    }
    started = true;
    let description;
    try {
      description = JSON.parse(line);
      for (const file of ['index.js', 'index_bg.wasm']) {
        const path = join(description.modulesRoot, file);
        if (!existsSync(path)) throw new Error(`${path} is missing: run cargo xtask build`);
      }
    } catch (error) {
      return fail(error.message);
    }
    run(description).catch((error) => fail(String(error?.message ?? error)));
  })
  .on('close', () => stop(0));
