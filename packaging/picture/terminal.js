// Lines of a terminal as an SVG, in the colours of a light or a dark page.

/** @typedef {{ text: string, style?: 'dim' | 'good' | 'bold' }[]} Line */

const palettes = {
  light: { paper: '#ffffff', edge: '#d0d7de', ink: '#1f2328', dim: '#636c76', good: '#1a7f37' },
  dark: { paper: '#0d1117', edge: '#3d444d', ink: '#e6edf3', dim: '#9198a1', good: '#3fb950' },
};
const font =
  "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace";
const [lineHeight, characterWidth, margin] = [17, 7.25, 16];

const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/**
 * @param {Line[]} lines
 * @param {'light' | 'dark'} theme
 * @param {string} description what it shows, for those who do not see it
 */
export function terminalPicture(lines, theme, description) {
  const colours = palettes[theme];
  const columns = Math.max(...lines.map((line) => line.map(({ text }) => text).join('').length));
  const width = Math.ceil(columns * characterWidth + 2 * margin);
  const height = lines.length * lineHeight + 2 * margin;
  const rows = lines.map((line, index) => {
    const spans = line.map(({ text, style }) => {
      const weight = style === 'bold' ? ' font-weight="600"' : '';
      const colour = style === 'dim' || style === 'good' ? colours[style] : colours.ink;
      return `<tspan fill="${colour}"${weight}>${escaped(text)}</tspan>`;
    });
    const y = margin + index * lineHeight + 13;
    return `  <text x="${margin}" y="${y}" xml:space="preserve">${spans.join('')}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(description)}" font-family="${font}" font-size="12">
  <rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="${colours.paper}" stroke="${colours.edge}"/>
${rows.join('\n')}
</svg>
`;
}
