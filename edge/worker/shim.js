// The classes and handlers that Cloudflare's runtime looks for, forwarding to the WebAssembly module. Nothing is decided here.
import { DurableObject } from 'cloudflare:workers';
import * as wasm from './index.js';

// After a panic the module is started anew by the next export that is called, but the texts passed to that export would
// still go to the old memory. So this one, which takes none, is called first.
const settle = () => wasm.__worker_init_state();
const instance = settle();

class Actor extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.madeBy = instance.instanceId;
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

  alarm() {
    return this.guard(() => this.host.alarm());
  }
}

export class OrderShard extends Actor {}
export class LedgerShard extends Actor {}
export class Consumer extends Actor {}

// One string instead of a call into the module for every header; neither names nor values can hold a line feed.
const flat = (headers) => {
  let text = '';
  for (const [name, value] of headers) text += `${name}\n${value}\n`;
  return text;
};

export default {
  fetch(request, env) {
    settle();
    return wasm.fetch(request.method, request.url, flat(request.headers), request.body, env);
  },
  scheduled(_event, env) {
    settle();
    return wasm.poke(env);
  },
};
