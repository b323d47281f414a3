// Reads a stack trace of the published program, which has no source maps, with those of this checkout's
// build: `git checkout vX.Y.Z && npm ci && npm run --silent trace < trace.txt`. `--maps FOLDER` names others.
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { root } from './source.js';

const { values } = parseArgs({
  options: { maps: { type: 'string', default: join(root, 'dist') } },
});
const maps = new Map();

/** Of the file whose place below dist/ is `path`; undefined where it has none. */
function mapOf(path) {
  const file = join(values.maps, `${path}.map`);
  if (!maps.has(path)) {
    const map = existsSync(file)
      ? new SourceMap(JSON.parse(readFileSync(file, 'utf8')))
      : undefined;
    maps.set(path, map && { map, folder: dirname(file) });
  }
  return maps.get(path);
}

const place = /(?:file:\/\/)?[^\s()]*?dist[\\/]((?:chunks[\\/])?[\w.-]+\.js):(\d+):(\d+)/g;
const read = (await text(process.stdin)).replace(place, (whole, path, line, column) => {
  const found = mapOf(path.replaceAll('\\', '/'));
  const entry = found?.map.findEntry(Number(line) - 1, Number(column) - 1);
  if (!entry?.originalSource) return whole;
  const source = relative(root, join(found.folder, entry.originalSource)).replace(
    /^.*?(?=src\/)/,
    '',
  );
  return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
});
process.stdout.write(read);
