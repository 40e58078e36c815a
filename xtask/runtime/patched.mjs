// Miniflare with two things it has no option for: flags for V8, and the knowledge of which process workerd is.
//
// The small young space keeps V8's pauses at 12–30 ms: with its default of 16 MB workerd frees the native parts
// of some 20,000 requests in one stop of 50–150 ms. The file on disk is not touched: its text is changed as it is
// loaded, and a Miniflare in which the place is not found is refused.

import childProcess from 'node:child_process';
import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname } from 'node:path';

const PLACE = 'structuredLogging: this.#structuredWorkerdLogs\n';

/** The class `Miniflare`; `onSpawn(child)` is called for each workerd it starts. */
export function loadMiniflare(v8Flags, onSpawn) {
  const path = createRequire(import.meta.url).resolve('miniflare');
  const source = readFileSync(path, 'utf8');
  if (source.split(PLACE).length !== 2) throw new Error('this miniflare is not the version that package.json pins: run npm ci');
  const patched = source.replace(PLACE, `v8Flags: ${JSON.stringify(v8Flags)},\n      ${PLACE}`);

  const spawn = childProcess.spawn;
  childProcess.spawn = (command, args, options) => {
    const child = spawn(command, args, options);
    if (args?.[0] === 'serve') onSpawn(child);
    return child;
  };

  const module = new Module(path);
  module.filename = path;
  module.paths = Module._nodeModulePaths(dirname(path));
  module._compile(patched, path);
  return module.exports.Miniflare;
}
