// The classes and handlers that Cloudflare's runtime looks for, forwarding to the WebAssembly module. Nothing is decided here.
import { connect } from 'cloudflare:sockets';
import { DurableObject } from 'cloudflare:workers';
import * as wasm from './index.js';
import { Surprises } from './surprises.mjs';

// After a panic the module is started anew by the next export that is called, but the texts passed to that export would
// still go to the old memory. So this one, which takes none, is called first.
const settle = () => wasm.__worker_init_state();
const instance = settle();

// Every step of a future is queued with this function. The runtime's own is a call into C++ and one back, for each; V8
// queues the reaction of a promise that is settled already by itself.
const settled = Promise.resolve();
globalThis.queueMicrotask = (step) => void settled.then(step);

// Bytes that one read of a connection brings, at most.
const SOCKET_READ_MAX = 64 * 1024;

// Milliseconds until what a closed connection has not taken is given up.
const SOCKET_CLOSE_LIMIT = 1_000;

const surprises = new Surprises();

class Actor extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    settle();
    this.madeBy = instance.instanceId;
    this.lines = new Map();
    this.host = new wasm.Host(this, ctx.storage, env);
  }

  // A panic traps and leaves the module's memory in doubt. The object is then thrown away with everything that it has
  // not committed: its callers get an error at once instead of waiting for ever, and the next call makes a new one.
  guard(step) {
    try {
      settle();
      if (instance.instanceId !== this.madeBy) this.ctx.abort('the module was restarted');
      return step();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || instance.criticalError) {
        instance.criticalError = false;
        this.ctx.abort(`panic: ${error.message}`);
      }
      throw error;
    }
  }

  // Delay 0: what has arrived by then shares one turn and one commit.
  armTurn() {
    setTimeout(() => this.guard(() => this.host.runTurn()), 0);
  }

  cmds(envelope) {
    return this.guard(() => this.host.cmds(envelope));
  }

  log(target, after, limit) {
    return this.guard(() => this.host.log(target, after, limit));
  }

  alarm() {
    return this.guard(() => this.host.alarm());
  }

  tickIn(delay) {
    clearTimeout(this.tick);
    this.tick = setTimeout(() => this.guard(() => this.host.tick()), delay);
  }

  // A connection is in `lines` until it has ended or the host has closed it; only so long is there news of it.
  async open(link, address, secureTransport) {
    const line = { sent: Promise.resolve() };
    this.lines.set(link, line);
    try {
      // `connect` throws at once for an address that it cannot read; news of that must not reach a host in its turn.
      await null;
      if (!this.lines.has(link)) return;
      line.socket = connect(address, { secureTransport });
      line.socket.closed.catch(() => {});
      line.writer = line.socket.writable.getWriter();
      line.writer.closed.catch(() => {});
      await line.socket.opened;
      if (this.lines.has(link)) this.guard(() => this.host.opened(link));
      const reader = line.socket.readable.getReader({ mode: 'byob' });
      let [buffer, least] = [new ArrayBuffer(SOCKET_READ_MAX), 1];
      for (;;) {
        const { value, done } = await reader.readAtLeast(least, new Uint8Array(buffer));
        if (done || !this.lines.has(link)) break;
        const wanted = this.guard(() => this.host.received(link, value));
        if (wanted === 0) await new Promise((resume) => setTimeout(resume, 0));
        least = Math.min(Math.max(wanted, 1), SOCKET_READ_MAX);
        buffer = value.buffer;
      }
    } catch (error) {
      // Refused, cut or broken: that, too, is its end. So is an exception of the host, which nobody else would hear of.
      const line = surprises.line(error, Date.now());
      if (line) console.error(line);
    }
    this.end(link);
  }

  // Bytes leave in the order in which they were given, and not before all that is stored by now is on disk: after a
  // crash the object would not know what it has sent.
  send(link, bytes) {
    const line = this.lines.get(link);
    if (!line) return;
    const write = () => this.lines.has(link) && line.writer.write(bytes);
    line.sent = Promise.all([this.ctx.storage.sync(), line.sent]).then(write);
    line.sent.catch(() => this.end(link));
  }

  end(link) {
    if (!this.lines.has(link)) return;
    this.close(link);
    this.guard(() => this.host.closed(link));
  }

  close(link) {
    const line = this.lines.get(link);
    this.lines.delete(link);
    line?.socket?.close().catch(() => {});
    // Closing waits for the writes under way, and a peer that has stopped would keep them, and what they hold, for ever.
    if (line?.writer) setTimeout(() => line.writer.abort().catch(() => {}), SOCKET_CLOSE_LIMIT);
  }
}

export class OrderShard extends Actor {}
export class LedgerShard extends Actor {}
export class Consumer extends Actor {}
export class Relay extends Actor {}

// Headers as one text of names and values, each ended by a line feed, which neither can hold.
const flat = (headers) => {
  let text = '';
  for (const [name, value] of headers) text += `${name}\n${value}\n`;
  return text;
};

const pairs = (text) => {
  const lines = text.split('\n');
  const list = [];
  for (let at = 0; at + 1 < lines.length; at += 2) list.push([lines[at], lines[at + 1]]);
  return list;
};

// The contract takes bodies of 64 KiB. One byte more is enough for the route to refuse a longer one.
const BODY_READ_MAX = 64 * 1024 + 1;

async function read(request) {
  if (!request.body) return new Uint8Array();
  const length = request.headers.get('content-length');
  if (length !== null && Number(length) < BODY_READ_MAX) return new Uint8Array(await request.arrayBuffer());
  const bytes = [];
  for await (const chunk of request.body) {
    for (const byte of chunk.subarray(0, BODY_READ_MAX - bytes.length)) bytes.push(byte);
    if (bytes.length === BODY_READ_MAX) break;
  }
  return Uint8Array.from(bytes);
}

export default {
  async fetch(request, env) {
    const body = await read(request);
    settle();
    const answer = wasm.answer(request.method, request.url, flat(request.headers), body, env);
    const [status, headers, content] = await answer;
    return new Response(content, { status, headers: pairs(headers) });
  },
  scheduled(_event, env) {
    settle();
    return wasm.poke(env);
  },
};
