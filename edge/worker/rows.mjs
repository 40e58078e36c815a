// The rows of a cursor as bytes, for `storage.rs`: asking for each column from inside the module costs more than the
// query. First how many columns a row has, in 4 bytes, then the columns of all rows: a kind and what belongs to it, integers
// little-endian. 0 null; 1 a number, 8 bytes; 2 a text in UTF-8 and 3 bytes, both behind their length in 4 bytes.
const utf8 = new TextEncoder();
let packed = new Uint8Array(64 * 1024);
let view = new DataView(packed.buffer);

const room = (end) => {
  if (end <= packed.length) return;
  const larger = new Uint8Array(2 ** Math.ceil(Math.log2(end)));
  larger.set(packed);
  [packed, view] = [larger, new DataView(larger.buffer)];
};

const packText = (text, at) => {
  room(at + 3 * text.length);
  // Most texts are short and ASCII: for those a loop is faster than the call of an encoder.
  if (text.length <= 64) {
    let i = 0;
    for (let code; i < text.length && (code = text.charCodeAt(i)) < 128; i++) packed[at + i] = code;
    if (i === text.length) return i;
  }
  return utf8.encodeInto(text, packed.subarray(at)).written;
};

/** The rows that an iterator of arrays gives, as bytes that are good until the next call. */
export const pack = (rows) => {
  let at = 4;
  for (const row of rows) {
    view.setUint32(0, row.length, true);
    for (const column of row) {
      room(at + 16);
      if (column === null) {
        packed[at++] = 0;
      } else if (typeof column === 'number') {
        packed[at++] = 1;
        view.setFloat64(at, column, true);
        at += 8;
      } else if (typeof column === 'string') {
        packed[at++] = 2;
        const length = packText(column, at + 4);
        view.setUint32(at, length, true);
        at += 4 + length;
      } else {
        packed[at++] = 3;
        view.setUint32(at, column.byteLength, true);
        at += 4;
        room(at + column.byteLength);
        packed.set(new Uint8Array(column), at);
        at += column.byteLength;
      }
    }
  }
  return packed.subarray(0, at);
};
