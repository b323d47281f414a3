/** Commands as the person can copy them into a POSIX shell. */

export const program = 'cloudflare-access-mcp';

export function loginCommand(url: string | undefined, flags: readonly string[] = []): string {
  return [`${program} login ${url === undefined ? '<url>' : shellWord(url)}`, ...flags].join(' ');
}

/** `text` as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** How what somebody did is asked for once more. */
export const repeated = {
  command: 'run it again',
  request: 'send the request again',
  message: 'try again',
  connection: 'connect again',
} as const;
