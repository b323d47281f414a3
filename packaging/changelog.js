// CHANGELOG.md as Keep a Changelog has it: sections of versions, and the links that compare them.

const unreleased = '## [Unreleased]';

/** What is said of a version, without its heading. @returns {string | undefined} */
export function changelogOf(text, version) {
  const start = text.indexOf(`\n## [${version}]`);
  if (start === -1) return undefined;
  const section = text.slice(start + 1).split('\n');
  const end = section.findIndex((line, index) => index > 0 && /^## |^\[[^\]]+\]: /.test(line));
  const said = section
    .slice(1, end === -1 ? undefined : end)
    .join('\n')
    .trim();
  return said === '' ? undefined : said;
}

/**
 * Moves what is unreleased under a version. Throws where there is nothing, or the version is there.
 *
 * @param {string} text
 * @param {{ version: string, date: string, repository: string }} as
 */
export function released(text, { version, date, repository }) {
  if (text.includes(`\n## [${version}]`)) throw new Error(`CHANGELOG.md has ${version} already`);
  if (changelogOf(text, 'Unreleased') === undefined) throw new Error('Nothing is unreleased');
  const before = /^## \[(\d+\.\d+\.\d+)\]/m.exec(text)?.[1];
  const [head, links] = split(text);
  const first = `${repository}/releases/tag/v${version}`;
  const link = before === undefined ? first : `${repository}/compare/v${before}...v${version}`;
  const body = head
    .replace(unreleased, `${unreleased}\n\n## [${version}] - ${date}`)
    // Said of the time before the first release alone.
    .replace('Nothing has been released yet; this is what the first release brings.\n\n', '');
  const others = links.filter((line) => !line.startsWith('[Unreleased]:'));
  const latest = `[Unreleased]: ${repository}/compare/v${version}...HEAD`;
  return `${body.trimEnd()}\n\n${[latest, `[${version}]: ${link}`, ...others].join('\n')}\n`;
}

/** The text, and the lines of links at its end. @returns {[string, string[]]} */
function split(text) {
  const lines = text.trimEnd().split('\n');
  const first = lines.findIndex((line) => /^\[[^\]]+\]: /.test(line));
  return first === -1 ? [text, []] : [lines.slice(0, first).join('\n'), lines.slice(first)];
}
