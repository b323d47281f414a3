// A button's picture: a plain SVG of our own, since a picture from elsewhere would tell others who reads.

const characterWidth = 7.2;

export function button(text, colour) {
  const width = Math.round(text.length * characterWidth + 28);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="28" role="img" aria-label="${text}">
  <rect width="${width}" height="28" rx="5" fill="${colour}"/>
  <text x="50%" y="18.5" fill="#fff" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13" font-weight="600" text-anchor="middle">${text}</text>
</svg>
`;
}
