// Which exceptions around a connection are only news of the network, and which ones the log has to hear of.

// How the runtime says that a connection was refused, cut, or closed by ourselves while it was read. The actor tells an
// operator of the broken connection; from these there is nothing more to be learned.
const OF_THE_NETWORK = [
  'proxy request failed',
  'TLS Handshake Failed',
  'Network connection lost',
  'Stream was cancelled',
  'Specified address could not be parsed',
];

const PAUSE_MS = 60_000;

// Characters of an exception's words.
const MESSAGE_MAX = 200;

/** What was told, and when. */
export class Surprises {
  told = new Map();

  /** The line of the log about an exception: none for one of the network, and none a minute after one of the same kind. */
  line(error, now) {
    const [kind, message] = [String(error?.name ?? typeof error), String(error?.message ?? '')];
    const ordinary = kind === 'Error' || kind === 'TypeError';
    if (ordinary && OF_THE_NETWORK.some((words) => message.startsWith(words))) return undefined;
    // A clock that was set back must not silence it for longer.
    if (Math.abs(now - this.told.get(kind)) < PAUSE_MS) return undefined;
    this.told.set(kind, now);
    const detail = `a connection ended by an exception: ${kind}: ${message.slice(0, MESSAGE_MAX)}`;
    return JSON.stringify({ level: 'error', fact: 'connection.exception', merchantId: '', orderId: '', detail });
  }
}
