// The files of the repository that are made, whole or between marks, from the one source.

import { commandHelp } from './command-help.js';
import { button } from './manifests/button.js';
import { cursorLink, mcpJson, vscodeLink } from './manifests/links.js';
import { claudeMarketplace } from './manifests/plugins.js';
import { serverJson } from './manifests/server-json.js';

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;
const fenced = (language, text) => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;

/**
 * @typedef {{ path: string, content: (now: string) => string | Promise<string> }} Generated
 * @param {import('./source.js').Source} source
 * @returns {Promise<Generated[]>}
 */
export async function generated(source) {
  const whole = (path, text) => ({ path, content: () => text });
  const parts = (path, texts) => ({ path, content: (now) => withParts(path, now, texts) });
  const buttons = editorButtons(source);
  return [
    { path: 'package.json', content: (now) => packageJson(now, source) },
    { path: 'package-lock.json', content: (now) => packageLock(now, source) },
    whole('packaging/server.json', json(serverJson(source))),
    whole('.claude-plugin/marketplace.json', json(claudeMarketplace(source))),
    whole('mcp.json.example', exampleJson(source)),
    ...buttons.map(({ picture, text, colour }) => whole(picture, button(text, colour))),
    parts('README.md', {
      install: fenced('sh', installLines(source).join('\n')),
      buttons: buttons
        .map(({ text, picture, link }) => `[![${text}](${picture})](${link})`)
        .join('\n'),
    }),
    parts('docs/environment.md', { variables: variableTable(source) }),
    parts('docs/hosts.md', hostEntries(source)),
    parts('docs/command-line.md', { commands: await commandHelp() }),
  ];
}

/** What follows from `repository` is filled in, so that the owner is changed in one place. */
function packageJson(now, { repository, mcpName }) {
  const about = JSON.parse(now);
  const derived = { mcpName, homepage: `${repository}#readme`, bugs: `${repository}/issues` };
  return json({ ...about, ...derived });
}

/** npm itself does not mind a lockfile of another version. */
function packageLock(now, { name, version }) {
  const lock = JSON.parse(now);
  Object.assign(lock, { name, version });
  Object.assign(lock.packages[''], { name, version });
  return json(lock);
}

function exampleJson(source) {
  // As people write it: the arguments on one line.
  return json(mcpJson(source)).replace(
    /\[\s+([^\]]*?)\s+\]/g,
    (_, inner) => `[${inner.replace(/\s+/g, ' ')}]`,
  );
}

function installLines({ server, command, args }) {
  const start = [command, ...args].join(' ');
  return [
    `claude mcp add --scope user ${server} -- ${start}   # Claude Code`,
    `codex mcp add ${server} -- ${start}                 # Codex`,
    `gemini mcp add --scope user ${server} ${start}      # Gemini CLI`,
  ];
}

function editorButtons(source) {
  const pictures = 'docs/pictures';
  return [
    {
      text: 'Add to Cursor',
      colour: '#1a1a1a',
      picture: `${pictures}/add-to-cursor.svg`,
      link: cursorLink(source),
    },
    {
      text: 'Add to VS Code',
      colour: '#0065a9',
      picture: `${pictures}/add-to-vscode.svg`,
      link: vscodeLink(source, 'vscode'),
    },
    {
      text: 'Add to VS Code Insiders',
      colour: '#1d7a5f',
      picture: `${pictures}/add-to-vscode-insiders.svg`,
      link: vscodeLink(source, 'vscode-insiders'),
    },
  ];
}

function variableTable({ variables }) {
  const rows = Object.entries(variables).map(([name, { meaning, otherwise, secret, alias }]) => {
    const notes = [secret ? '; a secret' : '', alias ? `; also read as \`${alias}\`` : ''].join('');
    return `| \`${name}\` | ${meaning}${notes} | ${otherwise} |`;
  });
  return ['| variable | meaning | without it |', '|---|---|---|', ...rows].join('\n');
}

/** Each host's own spelling of the same entry. */
function hostEntries({ server, command, args, repository: address }) {
  const list = `[${[command, ...args].map((each) => JSON.stringify(each)).join(', ')}]`;
  const [owner, repository] = address.split('/').slice(-2);
  const rest = `[${args.map((each) => JSON.stringify(each)).join(', ')}]`;
  return {
    plugin: fenced('sh', `claude plugin install ${server} --marketplace ${owner}/${repository}`),
    extension: fenced('sh', `gemini extensions install ${address}`),
    opencode: fenced(
      'json',
      `{
  "$schema": "https://opencode.ai/config.json",
  "mcp": {
    "${server}": {
      "type": "local",
      "command": ${list},
      "environment": {}
    }
  }
}`,
    ),
    vscode: fenced(
      'json',
      `{ "servers": { "${server}": { "type": "stdio", "command": "${command}", "args": ${rest} } } }`,
    ),
    codex: fenced(
      'toml',
      `[mcp_servers.${server}]
command = "${command}"
args = ${rest}`,
    ),
    zed: fenced(
      'json',
      `{ "context_servers": { "${server}": { "command": "${command}", "args": ${rest}, "env": {} } } }`,
    ),
  };
}

/** Puts each text between `<!-- generated: NAME -->` and `<!-- end: NAME -->`. */
function withParts(path, now, texts) {
  let text = now;
  for (const [name, part] of Object.entries(texts)) {
    const [start, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from === -1 || to < from) throw new Error(`${path} has no place for “${name}”`);
    text = `${text.slice(0, from + start.length)}\n${part}\n${text.slice(to)}`;
  }
  return text;
}
