// What a click on a button of the README hands to an editor, and the configuration that is copied by hand.

/** @param {import('../source.js').Source} source */
export function mcpJson({ server, command, args }) {
  return { mcpServers: { [server]: { command, args, env: {} } } };
}

/** Cursor takes the entry alone, in base64. @param {import('../source.js').Source} source */
export function cursorLink({ server, command, args }) {
  const config = Buffer.from(JSON.stringify({ command, args })).toString('base64');
  return `https://cursor.com/install-mcp?name=${server}&config=${encodeURIComponent(config)}`;
}

/**
 * GitHub drops links of other schemes than https, so that both go through Microsoft's redirection.
 *
 * @param {import('../source.js').Source} source
 * @param {'vscode' | 'vscode-insiders'} program
 */
export function vscodeLink({ server, command, args }, program) {
  const entry = encodeURIComponent(JSON.stringify({ name: server, command, args }));
  const link = encodeURIComponent(`${program}:mcp/install?${entry}`);
  return `https://insiders.vscode.dev/redirect?url=${link}`;
}
