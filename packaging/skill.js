// The skill that the plugins bring: AGENTS.md's part for agents, with what a skill has to say of itself.
import { readFile } from 'node:fs/promises';

/** In the package, below dist/, and in the plugins. */
export const skillPath = 'skills/cloudflare-access/SKILL.md';

const head = `---
name: cloudflare-access
description: Reach URLs behind Cloudflare Access (internal wikis, dashboards, APIs, git and package servers). Use it when a URL is internal, or when a fetch, curl, git or npm meets a 401, a 403, a redirect to cloudflareaccess.com or a login page.
---
`;

const place = `Where a command below is not on the PATH, the same program is \`dist/main.js\` in the folder of this plugin or package, above this file: \`node …/dist/main.js forward <url>\`.`;

/** @param {string} root the repository's folder */
export async function skill(root) {
  const agents = await readFile(`${root}/AGENTS.md`, 'utf8');
  const [, part] =
    /^# For agents that use this server\n\n.*\n\n([\s\S]*?)(?=^# )/m.exec(agents) ?? [];
  if (part === undefined) throw new Error('AGENTS.md has no part for agents that use the server');
  return `${head}\n# Cloudflare Access\n\n${place}\n\n${part.trimEnd()}\n`;
}
