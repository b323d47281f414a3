/**
 * The envelope that every request of the 2026-07-28 revision carries in `_meta`: the client, the revision,
 * and the host's capabilities. A request without a protocol version there is of an older revision, in
 * which the handshake exchanges all this once.
 */
export const modernRevision = '2026-07-28';

const versionKey = 'io.modelcontextprotocol/protocolVersion';
const clientKey = 'io.modelcontextprotocol/clientInfo';
const capabilitiesKey = 'io.modelcontextprotocol/clientCapabilities';
const logLevelKey = 'io.modelcontextprotocol/logLevel';
export const serverInfoKey = 'io.modelcontextprotocol/serverInfo';

type Json = Readonly<Record<string, unknown>>;

export interface Envelope {
  readonly capabilities: { readonly elicitation?: Json; readonly roots?: Json };
}

/** A JSON-RPC error. */
export interface EnvelopeError {
  readonly code: number;
  readonly message: string;
  readonly data: object;
}

const invalidParams = -32602;
const unsupportedProtocolVersion = -32022;
const logLevels: readonly unknown[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

/** Methods that this revision introduced; they are never taken for requests of an older one. */
const modernMethods: readonly string[] = ['server/discover', 'subscriptions/listen'];

/** `undefined`: a request of an older revision. */
export function readEnvelope(
  method: string,
  params: unknown,
): Envelope | EnvelopeError | undefined {
  const meta = isObject(params) && isObject(params._meta) ? params._meta : {};
  if (!(versionKey in meta) && !modernMethods.includes(method)) return undefined;
  const problem = problemOf(meta);
  if (problem) {
    const [key, what] = problem;
    const message = `Invalid _meta envelope for protocol revision ${modernRevision}: ${key}: ${what}`;
    return { code: invalidParams, message, data: { envelope: { key, problem: what } } };
  }
  const requested = meta[versionKey];
  if (requested !== modernRevision) {
    return {
      code: unsupportedProtocolVersion,
      message: 'Unsupported protocol version',
      data: { supported: [modernRevision], requested },
    };
  }
  return { capabilities: meta[capabilitiesKey] as Envelope['capabilities'] };
}

export function isEnvelopeError(read: Envelope | EnvelopeError): read is EnvelopeError {
  return 'code' in read;
}

/** Missing members are reported before malformed ones. */
function problemOf(meta: Json): [key: string, problem: string] | undefined {
  for (const key of [versionKey, capabilitiesKey]) if (!(key in meta)) return [key, 'missing'];
  if (typeof meta[versionKey] !== 'string') return [versionKey, 'not a string'];
  const capabilities = meta[capabilitiesKey];
  if (!isObject(capabilities)) return [capabilitiesKey, 'not an object'];
  for (const name of ['elicitation', 'roots', 'sampling', 'experimental', 'extensions']) {
    if (name in capabilities && !isObject(capabilities[name])) {
      return [`${capabilitiesKey}.${name}`, 'not an object'];
    }
  }
  const client = meta[clientKey];
  if (client !== undefined && !isImplementation(client)) return [clientKey, 'no name and version'];
  if (logLevelKey in meta && !logLevels.includes(meta[logLevelKey])) {
    return [logLevelKey, 'not a log level'];
  }
  const token = meta.progressToken;
  if (token !== undefined && typeof token !== 'string' && !Number.isInteger(token)) {
    return ['progressToken', 'neither a string nor an integer'];
  }
  return undefined;
}

function isImplementation(value: unknown): boolean {
  return isObject(value) && typeof value.name === 'string' && typeof value.version === 'string';
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
