/** The commands that the documents for users and developers show, read out of them. */
import { readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

export const documents = [
  'README.md',
  'AGENTS.md',
  'CONTRIBUTING.md',
  'test/README.md',
  'docs/hosts.md',
  'docs/environment.md',
  'docs/command-line.md',
  'docs/recipes.md',
  'docs/troubleshooting.md',
  'docs/conformance.md',
  'docs/contract.md',
  'docs/cloudflare-access.md',
  'docs/decisions.md',
  'docs/speed.md',
  'docs/platforms.md',
  'docs/architecture.md',
  'SECURITY.md',
  'CHANGELOG.md',
] as const;

/** What is no program of its own, but what a sentence calls a command of ours, counts as well. */
const programs =
  /^(?:cloudflare-access-mcp|npm|npx|claude|codex|gemini|docker|git|curl|node|psql|ssh|serve|login|fetch|token|headers|forward|connect|tcp|logout|status|doctor|sandbox|demo)\s/;

const examples = /^ {2}((?:cloudflare-access-mcp|git|ssh|export) .*)$/gm;

/** Each command with the documents that show it. */
export function documentedCommands(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const document of documents) {
    const text = readFileSync(new URL(document, root), 'utf8');
    const blocks = [...text.matchAll(/^```(?:sh|bash)\n([\s\S]*?)^```$/gm)].flatMap(
      ([, block = '']) =>
        block
          .replace(/\s*\\\n\s*/g, ' ')
          .split('\n')
          .map((line) => line.replace(/\s+# .*$/, '').trim()),
    );
    // The examples in what --help says.
    for (const [, block = ''] of text.matchAll(/^```text\n([\s\S]*?)^```$/gm)) {
      blocks.push(...[...block.matchAll(examples)].map(([, line = '']) => line));
    }
    const prose = text.replace(/^```[\s\S]*?^```$/gm, '');
    const inline = [...prose.matchAll(/`([^`\n]+)`/g)]
      .map(([, code = '']) => code)
      .filter((code) => programs.test(code));
    for (const command of new Set([...blocks, ...inline])) {
      if (command !== '') found.set(command, [...(found.get(command) ?? []), document]);
    }
  }
  return found;
}

/** What stands between the fences of a language, in all documents. */
export function fenced(language: string): { document: string; text: string }[] {
  return documents.flatMap((document) =>
    [
      ...readFileSync(new URL(document, root), 'utf8').matchAll(
        new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'),
      ),
    ].map(([, text = '']) => ({ document, text })),
  );
}
