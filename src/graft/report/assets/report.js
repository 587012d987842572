(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  // Themes: the system's choice, unless the reader chose. Storage may be forbidden for local files.
  const stored = () => { try { return localStorage.getItem("graft-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("graft-theme", theme); } catch { /* for this visit only */ } };
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  if (["light", "dark"].includes(stored())) root.dataset.theme = stored();

  const themes = () => {
    const button = document.querySelector(".theme");
    const say = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      keep(root.dataset.theme);
      say();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
    say();
  };

  // Tables: sorted by a heading's button, searched, shown a page at a time.
  const sortKey = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim().toLowerCase() : Number(cell.dataset.value);
  };
  const order = (a, b) => (typeof a === "string" || typeof b === "string" ? String(a).localeCompare(String(b)) : a - b);

  const table = (frame) => {
    const body = frame.querySelector("tbody");
    const heads = [...frame.querySelectorAll("thead th")];
    const search = frame.querySelector(".search");
    const pager = frame.querySelector(".pager");
    const step = Number(frame.dataset.page) || Infinity;
    let rows = [...body.rows];
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    let start = 0;

    const show = () => {
      const words = (search ? search.value : "").toLowerCase().split(/\s+/).filter(Boolean);
      const found = rows.filter((row) => words.every((word) => texts.get(row).includes(word)));
      if (start >= found.length) start = 0;
      const shown = new Set(found.slice(start, start + step));
      for (const row of rows) row.hidden = !shown.has(row);
      if (!pager) return;
      const [back, on] = pager.querySelectorAll("button");
      const last = Math.min(start + step, found.length);
      pager.querySelector("output").textContent = found.length
        ? `${(start + 1).toLocaleString("en")}–${last.toLocaleString("en")} of ${found.length.toLocaleString("en")}`
        : "nothing found";
      back.disabled = start === 0;
      on.disabled = last >= found.length;
      back.hidden = on.hidden = found.length <= step;
    };
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const numeric = head.classList.contains("num");
        const now = head.getAttribute("aria-sort");
        const next = now ? (now === "ascending" ? "descending" : "ascending") : numeric ? "descending" : "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", next);
        const keyed = rows.map((row) => [sortKey(row, column), row]);
        const blank = (key) => Number.isNaN(key);
        keyed.sort(([a], [b]) => (blank(a) || blank(b) ? blank(a) - blank(b) : order(a, b) * (next === "ascending" ? 1 : -1)));
        rows = keyed.map(([, row]) => row);
        body.append(...rows);
        start = 0;
        show();
      });
    });
    if (search) search.addEventListener("input", () => { start = 0; show(); });
    if (pager) {
      const [back, on] = pager.querySelectorAll("button");
      back.addEventListener("click", () => { start = Math.max(0, start - step); show(); });
      on.addEventListener("click", () => { start += step; show(); });
    }
    show();
  };

  // Copying: the clipboard where it is allowed, else the old way through a selection.
  const copyText = async (pre) => {
    try { await navigator.clipboard.writeText(pre.textContent); return true; } catch { /* not allowed here */ }
    const chosen = document.createRange();
    chosen.selectNodeContents(pre);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(chosen);
    return document.execCommand("copy");
  };
  const copying = (button) => button.addEventListener("click", async () => {
    const done = await copyText(button.closest(".code").querySelector("pre"));
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });

  // Tips: what a shape's <title> says, at once and beside the pointer.
  const tips = () => {
    let box = null;
    const hide = () => { if (box) box.remove(); box = null; };
    document.addEventListener("pointerover", (event) => {
      hide();
      const shape = event.target.closest("svg *");
      const title = shape && (shape.dataset.tip || (shape.querySelector(":scope > title") || {}).textContent);
      if (!title) return;
      if (!shape.dataset.tip) {
        shape.dataset.tip = title;
        shape.querySelector(":scope > title").remove();
        shape.setAttribute("aria-label", title);
      }
      box = document.createElement("div");
      box.className = "tip";
      box.textContent = title;
      document.body.append(box);
      const { left, top, width } = shape.getBoundingClientRect();
      const far = Math.max(8, innerWidth - box.offsetWidth - 8);
      const near = width > 60 ? event.clientX : left + width / 2;
      box.style.left = `${Math.min(Math.max(8, near - box.offsetWidth / 2), far)}px`;
      box.style.top = `${top - box.offsetHeight - 8 > 4 ? top - box.offsetHeight - 8 : event.clientY + 18}px`;
    });
    addEventListener("scroll", hide, { passive: true });
  };

  // Contents: the section being read is marked.
  const contents = () => {
    const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
    const watcher = new IntersectionObserver((entries) => {
      const entered = entries.find((entry) => entry.isIntersecting);
      if (!entered || !links.has(entered.target.id)) return;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entered.target.id).setAttribute("aria-current", "true");
    }, { rootMargin: "-10% 0px -70% 0px" });
    document.querySelectorAll("section[id]").forEach((section) => watcher.observe(section));
  };

  // Print: everything folded is opened, and folded again afterwards.
  const printing = () => {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll("details:not([open])")];
      for (const fold of opened) fold.open = true;
    });
    addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });
  };

  document.addEventListener("DOMContentLoaded", () => {
    themes();
    document.querySelectorAll(".table").forEach(table);
    document.querySelectorAll(".copy").forEach(copying);
    tips();
    contents();
    printing();
  });
})();
