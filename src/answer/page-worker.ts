/** The worker thread that converts pages to Markdown: one at a time, each answered with one message. */
import { parentPort } from 'node:worker_threads';
import { htmlToMarkdown, wordsAlone } from '../page/markdown.ts';
import { createConcealer } from '../secrets/concealer.ts';
import type { PageJob } from './page-threads.ts';

parentPort?.on('message', ({ html, url, secrets, wordsOnly }: PageJob) => {
  const options = { url: new URL(url), conceal: createConcealer(secrets).text };
  parentPort?.postMessage(wordsOnly ? wordsAlone(html, options) : htmlToMarkdown(html, options));
});
