/** The server's icon: a keyhole in a cloud. */
const svg =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><path fill="#f6821f" d="M37.6 20.1A13 13 0 0 0 12.8 17 10.5 10.5 0 0 0 11 38h26a9 9 0 0 0 .6-17.9z"/><path fill="#fff" d="M24 20a4 4 0 0 0-2 7.5V33h4v-5.5a4 4 0 0 0-2-7.5z"/></svg>';

export const icons = [
  {
    src: `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`,
    mimeType: 'image/svg+xml',
    sizes: ['any'],
  },
];
