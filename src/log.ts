/**
 * Diagnostics on stderr, one line each (stdout is for JSON-RPC only). Callers pass only what may be seen;
 * as a second line of defence, whatever looks like a credential is redacted here.
 */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

const secretShapes: readonly RegExp[] = [
  /oauth(?::|%3A)[^\s"',;]+/gi, // Access's access and refresh tokens
  /cfast_[A-Za-z0-9]+/g, // service token secrets since 2026
  /[0-9a-f]{64,}/g, // service token secrets before that
  /eyJ[\w.-]{10,}/g, // JWTs, and what begins like one
  /(?<=\b(?:code|state|token|code_verifier|device_code|refresh_token|access_token|client_secret)=)[^&\s"']+/g,
  /(?<=\b(?:Bearer|Basic)\s)[^\s"',;]+/gi,
];

export function redact(text: string): string {
  return secretShapes.reduce((clean, shape) => clean.replace(shape, '[redacted]'), text);
}

/** A log that passes messages of at least the severity `level` to `write` (stderr). */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  const most = logLevels.indexOf(level);
  return (at, message, fields = {}) => {
    if (logLevels.indexOf(at) > most) return;
    const rest = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
      .join('');
    write(`cloudflare-access-mcp ${at}: ${redact(message + rest).replace(/[\r\n]+/g, ' ')}\n`);
  };
}
