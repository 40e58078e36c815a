import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack } from './rows.mjs';

/** The other side, as `rows.rs` has it. */
const unpack = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = view.getUint32(0, true);
  const columns = [];
  let at = 4;
  const part = () => {
    const length = view.getUint32(at, true);
    at += 4 + length;
    return bytes.slice(at - length, at);
  };
  while (at < bytes.length) {
    const kind = bytes[at++];
    if (kind === 0) columns.push(null);
    else if (kind === 1) columns.push(view.getFloat64((at += 8) - 8, true));
    else if (kind === 2) columns.push(new TextDecoder().decode(part()));
    else columns.push(part().buffer);
  }
  return Array.from({ length: width ? columns.length / width : 0 }, (_, i) => columns.slice(i * width, (i + 1) * width));
};

const kept = (rows) => assert.deepEqual(unpack(pack(rows)), rows);

test('every kind of column comes through', () => {
  const bytes = new Uint8Array([0, 1, 255]).buffer;
  kept([
    [null, 0, -9007199254740991, ''],
    [bytes, 1.5, 'ord_01', '주문 \u{1f6d2}'],
  ]);
  kept([[new ArrayBuffer(0)], ['a'.repeat(64)], ['a'.repeat(65)], ['a'.repeat(63) + '한'], ['한'.repeat(300)]]);
});

test('no rows are no columns, whatever was there before', () => {
  pack([[1, 2, 3]]);
  assert.equal(pack([]).length, 4);
});

test('what is larger than the room there is makes room', () => {
  const rows = [];
  for (let i = 0; i < 300; i++) rows.push([i, '가'.repeat(i * 7), new Uint8Array(i * 31).fill(i).buffer]);
  kept(rows);
  kept([[new Uint8Array(5_000_000).fill(7).buffer, 'x'.repeat(3_000_000)]]);
});
