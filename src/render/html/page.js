"use strict";
// Filters the list, opens its items, and listens to keys. It asks nothing of any server and stores nothing; the filter
// is kept behind the # of the address, which a browser sends to nobody.
(() => {
  const one = (id) => document.getElementById(id);
  const list = one("list");
  const controls = one("controls");
  if (!list || !controls) return;
  const [search, count, none, clear, folder] = ["search", "count", "none", "clear", "folder"].map(one);
  const toggles = [...controls.querySelectorAll(".toggle")];
  const bars = [...document.querySelectorAll("button.folder")];
  const nouns = count.textContent.split(" ")[1];
  const number = new Intl.NumberFormat("en");

  const groups = [...list.children].map((element) => ({ element, items: [], shown: -1 }));
  const items = [];
  const byElement = new Map();
  for (const group of groups) {
    for (const element of group.element.children) {
      const { kind, labels = "", folder: place = "" } = element.dataset;
      const item = { element, group, kind, labels: labels.split(" "), folder: place, text: null, shown: true, height: 0 };
      item.index = items.push(item) - 1;
      group.items.push(item);
      byElement.set(element, item);
    }
  }

  // Bodies.

  // The content of noscript is markup as text here. Foreign text in it is already escaped.
  const build = (item) => {
    const inert = item.element.querySelector(":scope > noscript");
    if (!inert) return;
    textOf(item);
    const holder = document.createElement("template");
    holder.innerHTML = inert.textContent;
    inert.replaceWith(holder.content);
  };

  const letters = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&" };

  // All that a search looks at, in lower case.
  const textOf = (item) => {
    if (item.text === null) {
      const [head, body] = item.element.children;
      let text = body.textContent;
      if (body.localName === "noscript") {
        text = text.replace(/<\/?(?:mark|bdi|b|small|code|strong)>/g, "").replace(/<[^>]*>/g, "\n");
        if (text.includes("&")) text = text.replace(/&(?:lt|gt|quot|amp);/g, (found) => letters[found]);
      }
      item.text = (head.textContent + "\n" + text).toLowerCase();
    }
    return item.text;
  };

  // Texts are prepared while nothing else is to do; a search that comes earlier prepares the rest itself.
  const idle = window.requestIdleCallback || ((work) => setTimeout(() => work({ timeRemaining: () => 8 }), 20));
  let prepared = 0;
  const prepare = (deadline) => {
    while (prepared < items.length && deadline.timeRemaining() > 1) textOf(items[prepared++]);
    if (prepared < items.length) idle(prepare);
  };
  idle(prepare);

  // Groups out of view are as high as their items would be, so that the scroll bar does not lie.
  let row = 44;
  const measure = () => {
    const first = items.find((item) => item.shown);
    if (first) row = first.element.firstElementChild.offsetHeight + 1 || row;
  };
  const resize = (group) => {
    const height = group.items.reduce((sum, item) => sum + (item.shown ? row + item.height : 0), 0);
    group.element.style.containIntrinsicBlockSize = `${height}px`;
  };

  list.addEventListener("toggle", (event) => {
    const item = byElement.get(event.target);
    if (!item) return;
    if (item.element.open) build(item);
    const lines = item.element.querySelectorAll(".diff > *").length;
    item.height = item.element.open ? 120 + 20 * lines : 0;
    resize(item.group);
  }, true);

  // The filter.

  const pressed = (group) =>
    toggles.filter((one) => one.dataset.group === group && one.ariaPressed === "true").map((one) => one.dataset.word);

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = pressed("kind");
    const labels = pressed("label");
    const place = folder ? folder.value : "";
    const wanted = (item) =>
      (kinds.length === 0 || kinds.includes(item.kind)) &&
      labels.every((label) => item.labels.includes(label)) &&
      (place === "" || item.folder === place) &&
      (words.length === 0 || words.every((word) => textOf(item).includes(word)));
    let total = 0;
    for (const group of groups) {
      let shown = 0;
      let changed = group.shown < 0;
      for (const item of group.items) {
        const show = wanted(item);
        if (show !== item.shown) {
          item.shown = show;
          item.element.hidden = !show;
          changed = true;
        }
        shown += show;
      }
      if (changed) {
        group.shown = shown;
        group.element.hidden = shown === 0;
        resize(group);
      }
      total += shown;
    }
    const all = total === items.length;
    count.textContent = all ? `${number.format(total)} ${nouns}` : `${number.format(total)} of ${number.format(items.length)} ${nouns}`;
    none.hidden = total > 0;
    const empty = words.length + kinds.length + labels.length === 0 && place === "";
    clear.hidden = empty;
    for (const bar of bars) bar.ariaPressed = String(place !== "" && bar.dataset.folder === place);
    later(empty ? "" : address(kinds, labels));
  };

  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      filter();
    });
  };

  // The address of the page.

  const folderName = () => (folder && folder.value !== "" ? folder.selectedOptions[0].dataset.name : "");

  const address = (kinds, labels) => {
    const parts = new URLSearchParams();
    const set = (name, value) => value && parts.set(name, value);
    set("q", search.value.trim());
    set("kind", kinds.join(","));
    set("label", labels.join(","));
    set("folder", folderName());
    return "#" + parts;
  };

  let timer = 0;
  const later = (hash) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (location.hash !== hash) history.replaceState(null, "", hash || location.pathname + location.search);
    }, 150);
  };

  const fromAddress = () => {
    const parts = new URLSearchParams(location.hash.slice(1));
    const of = (name) => (parts.get(name) || "").split(",");
    search.value = parts.get("q") || "";
    for (const toggle of toggles) toggle.ariaPressed = String(of(toggle.dataset.group).includes(toggle.dataset.word));
    if (folder) {
      const found = [...folder.options].find((option) => option.dataset.name === parts.get("folder"));
      folder.value = found ? found.value : "";
    }
    filter();
  };

  const reset = () => {
    search.value = "";
    for (const toggle of toggles) toggle.ariaPressed = "false";
    if (folder) folder.value = "";
    filter();
  };

  // Opening and closing all of it, a frame's worth at a time.

  let run = 0;
  const all = (open) => {
    const mine = ++run;
    const rest = items.filter((item) => (item.shown || !open) && item.element.open !== open);
    const step = () => {
      if (mine !== run) return;
      const end = performance.now() + 12;
      while (rest.length > 0 && performance.now() < end) rest.shift().element.open = open;
      if (rest.length > 0) requestAnimationFrame(step);
    };
    step();
  };

  // Keys.

  const current = () => byElement.get(document.activeElement && document.activeElement.closest(".item"));

  const move = (by) => {
    const from = current();
    let index = from ? from.index + by : by > 0 ? 0 : items.length - 1;
    while (items[index] && !items[index].shown) index += by;
    if (!items[index]) return;
    const head = items[index].element.firstElementChild;
    head.focus({ preventScroll: true });
    head.scrollIntoView({ block: "nearest" });
  };

  const help = one("help");
  const actions = {
    "/": () => (search.focus(), search.select()),
    j: () => move(1),
    k: () => move(-1),
    o: () => current() && (current().element.open = !current().element.open),
    e: () => all(true),
    c: () => all(false),
    "?": () => help.showModal(),
    Escape: () => reset(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    const field = event.target.closest("input, select, textarea");
    if (field) {
      if (event.key === "Escape") {
        reset();
        field.blur();
      } else if (field === search && (event.key === "Enter" || event.key === "ArrowDown")) {
        event.preventDefault();
        search.blur();
        move(1);
      }
      return;
    }
    // The arrows scroll the page until an item has been chosen.
    const arrows = event.target.closest("summary") ? { ArrowDown: () => move(1), ArrowUp: () => move(-1) } : {};
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : arrows[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // Everything is ready.

  search.addEventListener("input", soon);
  for (const toggle of toggles) {
    toggle.addEventListener("click", () => {
      toggle.ariaPressed = String(toggle.ariaPressed !== "true");
      soon();
    });
  }
  if (folder) folder.addEventListener("change", soon);
  for (const bar of bars) {
    bar.disabled = false;
    bar.addEventListener("click", () => {
      folder.value = bar.ariaPressed === "true" ? "" : bar.dataset.folder;
      soon();
    });
  }
  clear.addEventListener("click", () => (reset(), search.focus()));
  one("keys").addEventListener("click", actions["?"]);
  one("expand").addEventListener("click", actions.e);
  one("collapse").addEventListener("click", actions.c);
  addEventListener("hashchange", fromAddress);
  addEventListener("scroll", () => controls.classList.toggle("stuck", controls.getBoundingClientRect().top <= 0), { passive: true });
  addEventListener("resize", () => (measure(), groups.forEach(resize)));
  controls.hidden = false;
  measure();
  fromAddress();
})();
