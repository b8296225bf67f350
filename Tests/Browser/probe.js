// Why this file exists: what is asked of the page from inside it: contrast as a reader has it, and names as a listener has them.

(() => {
  const parse = (text) => {
    const numbers = text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return { rgb: numbers.slice(0, 3), alpha: numbers.length > 3 ? numbers[3] : 1 };
  };
  const over = (top, below) => top.rgb.map((part, index) => part * top.alpha + below[index] * (1 - top.alpha));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  /** WCAG 2.2, contrast ratio. */
  const ratio = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const behind = (node) => {
    const layers = [];
    for (let place = node; place; place = place.parentElement) {
      layers.push(parse(getComputedStyle(place).backgroundColor));
      const bar = getComputedStyle(place, "::before");
      if (place.classList.contains("label")) layers.push(parse(bar.backgroundColor));
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };

  /** Texts that stand out too little: 4.5 to 1, large ones 3 to 1. */
  const faint = () => {
    const found = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent.trim();
      const node = walker.currentNode.parentElement;
      if (!text || !node.checkVisibility({ visibilityProperty: true }) || node.closest("script, style, noscript, .quiet, .skip")) continue;
      const style = getComputedStyle(node);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const below = behind(node);
      const colour = parse(node.ownerSVGElement ? style.fill : style.color);
      const value = ratio(over(colour, below), below);
      if (value < (isLarge ? 3 : 4.5)) found.set(`${node.tagName}.${node.className?.baseVal ?? node.className}: ${text.slice(0, 30)}`, value.toFixed(2));
    }
    return [...found].map(([what, value]) => `${what} has ${value}`);
  };

  /** Where the keyboard is, as people would call it, and whether that is to be seen. */
  const stop = () => {
    const node = document.activeElement;
    if (!node || node === document.body) return null;
    const style = getComputedStyle(node);
    return {
      name: node.id || node.getAttribute("aria-label") || node.textContent.trim().slice(0, 40),
      place: node.closest("[id]")?.id ?? "", tag: node.tagName.toLowerCase(),
      isSeen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    };
  };

  /** Cells of a table by the first cell of their row. */
  const row = (name) => [...document.querySelectorAll("#service-list tbody tr")]
    .filter((node) => node.firstElementChild.textContent.includes(name)).map((node) => [...node.cells].map((cell) => cell.textContent))[0] ?? null;

  window.probe = { faint, stop, row };
})();
