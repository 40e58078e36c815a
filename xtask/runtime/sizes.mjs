// Prints the sizes of the built files as one JSON object of bytes, compressed as a content network would.

import { readFileSync, readdirSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const brotli = (bytes) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 } }).length;
const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;

const assets = readdirSync('build/public/assets');
const asset = (beginning, end) => {
  const found = assets.filter((name) => name.startsWith(beginning) && name.endsWith(end));
  if (found.length !== 1) throw new Error(`build/public/assets has ${found.length} files ${beginning}*${end}`);
  return readFileSync(`build/public/assets/${found[0]}`);
};

const loader = readFileSync('build/public/checkout.js');
const sizes = {
  loader: loader.length,
  loaderBrotli: brotli(loader),
  glueBrotli: brotli(asset('gyesan-', '.js')),
  wasmBrotli: brotli(asset('gyesan-', '.wasm')),
  cssBrotli: brotli(asset('checkout-', '.css')),
  workerGzip: gzip(readFileSync('build/worker/index.js')) + gzip(readFileSync('build/worker/index_bg.wasm')),
};
sizes.widgetBrotli = sizes.loaderBrotli + sizes.glueBrotli + sizes.wasmBrotli + sizes.cssBrotli;
process.stdout.write(JSON.stringify(sizes));
