// The page's lists: unpacks the data, shows the view that the address names, and searches, filters, sorts, pages.
// The address has the whole state, so that the back button and a bookmark work. Text is only ever set as text.
"use strict";
(async () => {
  const SIZES = [50, 200, 1000];
  const TITLE = document.title;
  const $ = (id) => document.getElementById(id);
  const figure = (number) => new Intl.NumberFormat("en-US").format(number);
  const counted = (number, one, many) => `${figure(number)} ${number === 1 ? one : many}`;
  const words = (text) => text.replaceAll("_", " ");
  const capital = (text) => text[0].toUpperCase() + words(text.slice(1));

  function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }
  const foreign = (text) => (text === null || text === undefined ? null : el("bdi", {}, String(text)));
  const withCode = (text) => text.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));

  // Columns: the value of row i is values[at[i]]. Ranks order the distinct values once; unknown ones have -1.
  const { compare } = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const inOrder = (a, b) => (typeof a === "string" || typeof b === "string" ? compare(a, b) : a - b);
  function columnOf({ values, at }) {
    let ranks, lower;
    return {
      values,
      at,
      get: (i) => values[at[i]],
      rank(i) {
        if (!ranks) {
          ranks = new Int32Array(values.length).fill(-1);
          const known = [...values.keys()].filter((number) => values[number] !== null);
          known.sort((a, b) => inOrder(values[a], values[b])).forEach((number, rank) => (ranks[number] = rank));
        }
        return ranks[at[i]];
      },
      holding(word) {
        lower ??= values.map((value) => (value === null ? "" : String(value).toLowerCase()));
        return lower.map((text) => text.includes(word));
      },
    };
  }

  async function unpacked() {
    const bytes = Uint8Array.from(atob($("data").textContent), (letter) => letter.charCodeAt(0));
    $("data").remove();
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  $("unscripted").hidden = true;
  let data;
  try {
    data = await unpacked();
  } catch {
    $("failure").hidden = false;
    return;
  }
  const vms = Object.fromEntries(Object.entries(data.vms).map(([name, told]) => [name, columnOf(told)]));
  const meanings = new Map(Object.entries(data.meanings));
  const { keys, titles, pressing, key: keyOf } = data.patches;
  const entry = Object.fromEntries(
    ["name", "version", "class", "reboot", "published", "days", "basis", "cause"].map((name) => [name, columnOf(data.patches[name])]),
  );
  // Lists are told as steps from one entry to the next.
  for (const list of vms.list.values) for (let at = 1; at < list.length; at++) list[at] += list[at - 1];

  // What each distinct list comes to: of what counts the oldest entry and how many are of unknown age, and how
  // many critical or security and other entries do not count. Python orders the oldest of as many days so, too.
  const isUrgent = entry.class.values.map((words) => /(^|, )(critical|security)(, |$)/i.test(words ?? ""));
  const isOlder = (a, b) => {
    const [one, two] = [entry.class.at[a], entry.class.at[b]].map((at) => isUrgent[at]);
    return entry.days.get(a) - entry.days.get(b) || one - two || (keys[keyOf[a]] < keys[keyOf[b]] ? 1 : -1);
  };
  function sumOf(list) {
    const sum = { oldest: null, counting: 0, undated: 0, urgentLess: 0, otherLess: 0 };
    for (const number of list) {
      if (entry.cause.get(number) !== null) sum[isUrgent[entry.class.at[number]] ? "urgentLess" : "otherLess"]++;
      else if ((sum.counting++, entry.days.get(number) === null)) sum.undated++;
      else if (sum.oldest === null || isOlder(number, sum.oldest) > 0) sum.oldest = number;
    }
    return sum;
  }
  const sums = [];
  const sumsOf = (i) => (sums[vms.list.at[i]] ??= sumOf(vms.list.get(i)));
  const isAnyLeftOut = entry.cause.values.some((cause) => cause !== null);
  // Whether Azure counts more than it lists: what is not listed is of unknown age.
  const isCut = (i) => vms.whole.get(i) !== true && !(vms.critical.get(i) === 0 && vms.other.get(i) === 0 && !sumsOf(i).counting);

  const idOf = (i) =>
    vms.id.get(i) ??
    `/subscriptions/${vms.subscription.get(i)}/resourceGroups/${vms.group.get(i)}` +
      `/providers/${data.kinds[vms.kind.get(i)]}/${vms.name.get(i)}`;
  const linkOf = (i) => `#vm/${encodeURIComponent(idOf(i).toLowerCase())}`;
  const subscriptionOf = (i) => vms.subscriptionName.get(i) ?? vms.subscription.get(i);

  // The worst first: missing critical and security patches, a pending restart, other patches, then the name.
  const worse = (name) => (a, b) => (vms[name].get(b) ?? -1) - (vms[name].get(a) ?? -1);
  const byOrder = [worse("critical"), worse("reboot"), worse("other"), (a, b) => vms.name.rank(a) - vms.name.rank(b)];
  const worstFirst = [...Array(data.count).keys()].sort((a, b) => {
    for (const order of byOrder) if (order(a, b)) return order(a, b);
    return a - b;
  });
  // Critical and security ones first, then what most VMs miss: the order of every view.
  const keysInOrder = [...keys.keys()].sort(
    (a, b) => pressing[b] - pressing[a] || data.patches.vms[b] - data.patches.vms[a] || (keys[a] < keys[b] ? -1 : 1),
  );

  // The address: #view/argument?state.
  function where() {
    const [path, query = ""] = location.hash.slice(1).split("?");
    const [view, argument = ""] = path.split("/");
    let told = "";
    try {
      told = decodeURIComponent(argument);
    } catch {
      // What is no address of ours shows that there is no such thing.
    }
    return { path, view: Object.hasOwn(views, view) ? view : "overview", argument: told, state: new URLSearchParams(query) };
  }
  function change(changes) {
    const { path, state } = where();
    for (const [name, value] of Object.entries(changes)) value ? state.set(name, value) : state.delete(name);
    const query = state.toString();
    history.replaceState(null, "", `#${path}${query ? `?${query}` : ""}`);
    show();
  }

  // A table with a page of rows. Each column has a name, a label, a cell, and a rank to be sorted by.
  function listing(host, caption, columns) {
    const body = el("tbody");
    const told = el("p", { class: "told", role: "status" });
    const heads = columns.map((column) => {
      if (!column.rank) return el("th", { scope: "col", class: column.class }, column.label);
      const button = el("button", { type: "button" }, column.label);
      button.addEventListener("click", () => {
        const [now, isDown] = sorting(where().state);
        const down = now === column.name ? !isDown : Boolean(column.isNumber);
        change({ sort: `${down ? "-" : ""}${column.name}`, page: "" });
      });
      return el("th", { scope: "col", class: column.class }, button);
    });
    // Where a narrow screen hides columns, it has no heading to sort by them with.
    const ways = columns.filter((column) => column.rank).flatMap(({ name, label, isNumber }) => [
      el("option", { value: isNumber ? `-${name}` : name }, label),
      el("option", { value: isNumber ? name : `-${name}` }, `${label}, the other way round`),
    ]);
    const order = el("select", {}, el("option", { value: "" }, "Usual order"), ...ways);
    order.addEventListener("change", () => change({ sort: order.value, page: "" }));
    const before = el("button", { type: "button" }, "Previous");
    const after = el("button", { type: "button" }, "Next");
    const place = el("span");
    const size = el("select", {}, ...SIZES.map((each) => el("option", { value: each }, String(each))));
    before.addEventListener("click", () => change({ page: pageNow() - 1 }));
    after.addEventListener("click", () => change({ page: pageNow() + 1 }));
    size.addEventListener("change", () => change({ size: size.value === "50" ? "" : size.value, page: "" }));
    const pages = el("nav", { class: "pages", "aria-label": `Pages of ${caption}` }, before, place, after);
    const table = el("table", {}, el("caption", { class: "sr" }, caption), el("thead", {}, el("tr", {}, ...heads)), body);
    $(host).append(told, el("label", { class: "narrow order" }, "Sort by ", order), table, el("div", { class: "foot" }, pages, el("label", {}, "Rows ", size)));

    const pageNow = () => Math.max(1, Number.parseInt(where().state.get("page") ?? "1", 10) || 1);
    function sorting(state) {
      const asked = state.get("sort") ?? "";
      return [asked.replace("-", ""), asked.startsWith("-")];
    }
    return (rows, of, state) => {
      const [sort, isDown] = sorting(state);
      const column = columns.find((each) => each.rank && each.name === sort);
      const sign = isDown ? -1 : 1;
      if (column)
        rows = [...rows].sort((a, b) => {
          const [one, two] = [column.rank(a), column.rank(b)];
          return (one < 0) - (two < 0) || sign * (one - two);
        });
      columns.forEach((each, at) => {
        if (each.rank) heads[at].setAttribute("aria-sort", each === column ? (isDown ? "descending" : "ascending") : "none");
      });
      const per = SIZES.includes(Number(state.get("size"))) ? Number(state.get("size")) : SIZES[0];
      const last = Math.max(1, Math.ceil(rows.length / per));
      const page = Math.min(last, pageNow());
      const shown = rows.slice((page - 1) * per, page * per);
      body.replaceChildren(
        ...shown.map((row) =>
          el("tr", {}, ...columns.map((each, at) => {
            const cell = [each.cell(row)].flat();
            return at ? el("td", { class: each.class }, ...cell) : el("th", { scope: "row", class: each.class }, ...cell);
          })),
        ),
      );
      told.textContent = of(rows.length) + (last > 1 ? `, page ${figure(page)} of ${figure(last)}` : "");
      place.textContent = `${figure(page)} of ${figure(last)}`;
      size.value = per;
      order.value = column ? state.get("sort") : "";
      table.hidden = !rows.length;
      $(host).querySelector(".foot").hidden = rows.length <= SIZES[0];
      const focused = document.activeElement;
      [before.disabled, after.disabled] = [page === 1, page === last];
      if (focused === before && before.disabled) after.focus();
      if (focused === after && after.disabled) before.focus();
    };
  }

  const ofColumn = (name) => ({ name, rank: vms[name].rank, cell: (i) => foreign(vms[name].get(i)) });
  const count = (name, label, more) => ({
    name, label, isNumber: true, class: `n ${more}`, rank: vms[name].rank,
    cell: (i) => (vms[name].get(i) === null ? el("span", { class: "muted" }, "unknown") : figure(vms[name].get(i))),
  });
  // The age of an entry, and of a VM's oldest one: one that is known in part is said to be the least.
  const BASIS = { published: "published", first_seen: "first seen" };
  const days = (number) => counted(entry.days.get(number), "day", "days");
  const basis = (number) => el("span", { class: "where" }, BASIS[entry.basis.get(number)]);
  const unknownAge = () => el("span", { class: "muted" }, "unknown");
  const ageOf = (number) => (entry.days.get(number) === null ? unknownAge() : [days(number), basis(number)]);
  function oldestOf(i) {
    const { oldest, undated } = sumsOf(i);
    if (oldest !== null) return [undated || isCut(i) ? `at least ${days(oldest)}` : days(oldest), basis(oldest)];
    return vms.outcome.get(i) !== "assessed" || undated || isCut(i) ? unknownAge() : el("span", { class: "muted" }, "none missing");
  }
  function oldestRank(i) {
    const { oldest, undated } = sumsOf(i);
    if (oldest !== null) return entry.days.get(oldest) + 1;
    return vms.outcome.get(i) !== "assessed" || undated || isCut(i) ? -1 : 0;
  }
  const AGE = { name: "age", label: "Oldest missing", class: "wide ours", isNumber: true, rank: oldestRank, cell: oldestOf };
  // Beside a figure from which something is left out.
  const mark = (less) => (less ? el("a", { class: "mark", href: "#overview/left-out", "aria-label": `${figure(less)} left out` }, "\u2020") : null);
  const lowered = (column, less) => ({ ...column, cell: (i) => [column.cell(i), mark(sumsOf(i)[less])].filter(Boolean) });
  const causeOf = (cause) => (cause === null ? "" : el("span", { class: "muted" }, "left out: ", foreign(cause)));
  const outcomeOf = (i, write = words) => {
    const outcome = vms.outcome.get(i);
    const reason = vms.reason.get(i);
    const text = write(outcome) + (reason && outcome !== "assessed" ? `: ${words(reason)}` : "");
    return el("span", { class: outcome === "failed" || outcome === "timed_out" ? "bad" : outcome === "assessed" ? null : "muted" }, text);
  };
  const VM = {
    name: "name", label: "VM", class: "name", rank: vms.name.rank,
    cell: (i) => [
      el("a", { href: linkOf(i) }, foreign(vms.name.get(i))),
      ...(vms.kind.get(i) === "arc" ? [el("span", { class: "muted" }, " Arc")] : []),
      el("span", { class: "where narrow" }, foreign(vms.group.get(i)), ", ", foreign(subscriptionOf(i))),
    ],
  };
  const GROUP = { ...ofColumn("group"), label: "Resource group", class: "wide" };
  const SUBSCRIPTION = { ...ofColumn("subscriptionName"), label: "Subscription", class: "wide", cell: (i) => foreign(subscriptionOf(i)) };
  const CRITICAL = lowered(count("critical", "Critical and security", ""), "urgentLess");
  CRITICAL.class = "n";
  const RESTART = {
    name: "reboot", label: "Restart", class: "wide", isNumber: true,
    rank: (i) => (vms.reboot.get(i) === null ? -1 : Number(vms.reboot.get(i))), cell: (i) => (vms.reboot.get(i) ? "pending" : ""),
  };
  const showVms = listing("list-vms", "VMs", [
    VM, GROUP, SUBSCRIPTION,
    { ...ofColumn("region"), label: "Region", class: "region wide" },
    { ...ofColumn("os"), label: "System", class: "wide ours", cell: (i) => vms.os.get(i) },
    { name: "outcome", label: "Outcome", class: "outcome", rank: vms.outcome.rank, cell: (i) => outcomeOf(i) },
    CRITICAL, lowered(count("other", "Other", "wide"), "otherLess"), AGE, RESTART,
  ]);
  const keysByName = new Int32Array(keys.length);
  [...keys.keys()].sort((a, b) => compare(keys[a], keys[b])).forEach((key, rank) => (keysByName[key] = rank));
  const ofPatch = (key, title, ...more) => [
    el("a", { href: `#patch/${encodeURIComponent(keys[key])}` }, foreign(keys[key])),
    el("span", { class: "where narrow" }, foreign(title)),
    ...more.map((each) => el("span", { class: "where narrow" }, each)),
  ];
  // A package's name is its key: what more is told of it is its version.
  const titleOf = (i) => (entry.name.get(i) === keys[keyOf[i]] ? entry.version.get(i) : entry.name.get(i));
  const showList = listing("list-vm", "Patches that this VM misses", [
    { name: "patch", label: "Patch", class: "name", rank: (i) => keysByName[keyOf[i]], cell: (i) => ofPatch(keyOf[i], titleOf(i), causeOf(entry.cause.get(i))) },
    { name: "title", label: "Title or version", class: "wide", rank: (i) => entry.name.rank(i), cell: (i) => foreign(titleOf(i)) },
    {
      name: "class", label: "Class", class: "class", rank: (i) => entry.class.rank(i),
      cell: (i) => el("span", { class: pressing[keyOf[i]] ? null : "muted" }, foreign(entry.class.get(i) ?? "not told")),
    },
    { name: "published", label: "Published", class: "ours wide", rank: (i) => entry.published.rank(i), cell: (i) => entry.published.get(i) },
    { name: "age", label: "Missing for", class: "age", isNumber: true, rank: (i) => entry.days.get(i) ?? -1, cell: ageOf },
    ...(isAnyLeftOut
      ? [{ name: "counts", label: "Counts", class: "wide", rank: (i) => entry.cause.rank(i), cell: (i) => (entry.cause.get(i) === null ? "yes" : causeOf(entry.cause.get(i))) }]
      : []),
  ]);
  const titleOfKey = (key) => titles[key];
  const showPatches = listing("list-patches", "Patches", [
    { name: "patch", label: "Patch", class: "name", rank: (key) => keysByName[key], cell: (key) => ofPatch(key, titleOfKey(key)) },
    { name: "title", label: "Title", class: "wide", cell: (key) => foreign(titleOfKey(key)) },
    {
      name: "class", label: "Class", class: "wide ours", isNumber: true, rank: (key) => pressing[key],
      cell: (key) => el("span", { class: pressing[key] ? null : "muted" }, pressing[key] ? "critical or security" : "other"),
    },
    {
      name: "vms", label: "VMs", class: "n", isNumber: true, rank: (key) => data.patches.vms[key],
      cell: (key) => [figure(data.patches.vms[key]), mark(data.patches.leftOut[key])].filter(Boolean),
    },
    ...(isAnyLeftOut
      ? [{ name: "left-out", label: "Left out on", class: "n wide", isNumber: true, rank: (key) => data.patches.leftOut[key], cell: (key) => figure(data.patches.leftOut[key]) }]
      : []),
  ]);
  // Of each distinct list the entry of the patch that is shown: of several one that counts, then the oldest.
  let entriesShown = [];
  const entryOn = (i) => entriesShown[vms.list.at[i]];
  function better(a, b) {
    const [one, two] = [a, b].map((number) => entry.cause.get(number) === null);
    return (one === two ? (entry.days.get(b) ?? -1) > (entry.days.get(a) ?? -1) : two) ? b : a;
  }
  const showMissing = listing("list-patch", "VMs that miss this patch", [
    VM, GROUP, SUBSCRIPTION, { ...ofColumn("region"), label: "Region", class: "region wide" },
    { name: "age", label: "Missing for", class: "age", isNumber: true, rank: (i) => entry.days.get(entryOn(i)) ?? -1,
      cell: (i) => [...[ageOf(entryOn(i))].flat(), el("span", { class: "where narrow" }, causeOf(entry.cause.get(entryOn(i))))] },
    ...(isAnyLeftOut
      ? [{ name: "counts", label: "Counts", class: "counts wide", rank: (i) => entry.cause.rank(entryOn(i)), cell: (i) => (entry.cause.get(entryOn(i)) === null ? "yes" : causeOf(entry.cause.get(entryOn(i)))) }]
      : []),
    CRITICAL, RESTART,
  ]);

  // Filters. "-" stands for what is not known.
  const CHOICES = ["subscription", "region", "os"];
  const SEARCHED = ["name", "group", "subscription", "subscriptionName", "region", "os", "system", "power", "tags", "reason", "error"];
  function selected(state) {
    const tests = [];
    for (const name of CHOICES) {
      const asked = state.get(name);
      const number = asked && vms[name].values.indexOf(asked === "-" ? null : asked);
      if (asked) tests.push((i) => vms[name].at[i] === number);
    }
    const [outcome, reason] = (state.get("outcome") ?? "").split("/");
    if (outcome) tests.push((i) => vms.outcome.get(i) === outcome && (!reason || vms.reason.get(i) === reason));
    if (state.get("critical")) tests.push((i) => vms.critical.get(i) > 0);
    if (state.get("reboot")) tests.push((i) => vms.reboot.get(i) === true);
    for (const word of (state.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean)) {
      const hits = SEARCHED.map((name) => [vms[name].at, vms[name].holding(word)]);
      const isId = word.includes("/");
      tests.push((i) => hits.some(([at, held]) => held[at[i]]) || (isId && idOf(i).toLowerCase().includes(word)));
    }
    return worstFirst.filter((i) => tests.every((test) => test(i)));
  }
  function bind(form) {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      const fields = [...form.elements].filter((field) => field.name);
      const value = (field) => (field.type === "checkbox" && !field.checked ? "" : field.value);
      change({ ...Object.fromEntries(fields.map((field) => [field.name, value(field)])), page: "" });
    });
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      change({ ...Object.fromEntries([...form.elements].map((field) => [field.name, ""])), page: "" });
    });
  }
  function fill(form, state) {
    for (const field of [...form.elements].filter((each) => each.name)) {
      const told = state.get(field.name) ?? "";
      if (field.type === "checkbox") field.checked = Boolean(told);
      else if (field.value !== told) field.value = told;
    }
  }
  function choices(name, textOf) {
    const known = [...new Set(vms[name].at)].sort((a, b) => inOrder(textOf(a) ?? "", textOf(b) ?? ""));
    const select = $("filters").elements[name];
    for (const number of known)
      select.append(el("option", { value: vms[name].values[number] ?? "-" }, textOf(number) ?? "unknown"));
  }
  const named = new Map();
  vms.subscription.at.forEach((number, i) => named.has(number) || named.set(number, subscriptionOf(i)));
  choices("subscription", (number) => named.get(number));
  choices("region", (number) => vms.region.values[number]);
  choices("os", (number) => vms.os.values[number]);

  const facts = (...told) =>
    el("dl", { class: "facts" }, ...told.filter(([, value]) => value).map(([label, ...value]) => el("div", {}, el("dt", {}, label), el("dd", {}, ...value))));
  const tile = (label, value, more, ...beside) =>
    el("div", {}, el("dt", {}, label), el("dd", { class: `large ${more ?? ""}` }, value), ...beside.filter(Boolean).map((each) => el("dd", {}, ...[each].flat())));
  const told = (value) => (value === null ? "unknown" : figure(value));

  function vmFacts(i) {
    const [what, toDo] = meanings.get(vms.reason.get(i)) ?? [];
    const [code, message, status] = vms.error.get(i) ?? [];
    const { counting, oldest, undated, urgentLess, otherLess } = sumsOf(i);
    const less = (number) => number && [`${figure(number)} left out`, mark(number)];
    const [critical, other, reboot] = [vms.critical.get(i), vms.other.get(i), vms.reboot.get(i)];
    const isAssessed = vms.outcome.get(i) === "assessed";
    return [
      el("p", { class: "lead" }, outcomeOf(i, capital), what ? `. The VM ${what}.` : ""),
      toDo ? el("p", {}, "To do: ", ...withCode(toDo), ".") : null,
      isAssessed
        ? el("dl", { class: "figures" }, tile("Critical and security missing", told(critical), critical ? "bad" : "", less(urgentLess)),
            tile("Other missing", told(other), "", less(otherLess)),
            tile("Oldest missing", oldest === null ? oldestOf(i) : days(oldest), "",
              oldest !== null && `${undated || isCut(i) ? "at least, " : ""}since ${BASIS[entry.basis.get(oldest)]}`,
              undated > 0 && `${counted(undated, "patch", "patches")} of unknown age`),
            tile("Restart", reboot === null ? "unknown" : reboot ? "pending" : "no"))
        : null,
      facts(
        ["Resource group", foreign(vms.group.get(i))],
        ["Subscription", foreign(subscriptionOf(i))],
        ["Region", foreign(vms.region.get(i))],
        ["System", foreign([vms.os.get(i), vms.system.get(i)].filter(Boolean).join(", ") || null)],
        ["Image", foreign(vms.image.get(i))],
        ["Patch and assessment mode", foreign(vms.patching.get(i))],
        ["Power state", foreign(vms.power.get(i))],
        ["Assessed", foreign(vms.assessed.get(i))],
        ["Status", foreign(vms.status.get(i))],
        ["Error", code || message ? foreign(`${code ?? "no code"}${status ? ` (${status})` : ""}`) : null],
        ["Message", foreign(message)],
        ["Correlation id", foreign(vms.correlation.get(i))],
        ["Tags", vms.tags.get(i).length ? el("ul", { class: "plain" }, ...vms.tags.get(i).map((tag) => el("li", {}, foreign(tag)))) : null],
        ["Resource id", foreign(idOf(i))],
      ),
      vms.whole.get(i) === false
        ? el("p", { class: "notice" }, `The list is truncated: ${figure(counting)} of ${figure((critical ?? 0) + (other ?? 0))} patches${isAnyLeftOut ? " that count" : ""} are listed. The counts are correct.`)
        : null,
      isAssessed && vms.listed.get(i) === null && (critical || other) ? el("p", { class: "notice" }, "No list of patches came with this assessment; the counts are correct.") : null,
    ];
  }

  function missing(key) {
    entriesShown = vms.list.values.map((list) => {
      let found;
      for (const number of list) if (keyOf[number] === key) found = found === undefined ? number : better(found, number);
      return found;
    });
    return worstFirst.filter((i) => entryOn(i) !== undefined);
  }
  const truncated = worstFirst.filter((i) => vms.whole.get(i) === false).length;
  const unknown = Number(document.body.dataset.unknown);
  const unsure = [
    truncated ? `${counted(truncated, "list is", "lists are")} truncated, so that more VMs may miss a patch than are shown with it.` : "",
    unknown ? `${counted(unknown, "VM was", "VMs were")} not assessed: what ${unknown === 1 ? "it misses" : "they miss"} is unknown.` : "",
  ].filter(Boolean).join(" ");
  $("patches-note").textContent = unsure;

  function patchFacts(key, rows) {
    const entries = keyOf.flatMap((each, number) => (each === key ? [number] : []));
    const distinct = (name) => [...new Set(entries.map((number) => entry[name].get(number)))].filter((value) => value !== null).sort(inOrder);
    const several = (name) => {
      const values = distinct(name);
      const more = values.length > 8 ? [el("li", { class: "muted" }, `and ${figure(values.length - 8)} more`)] : [];
      return values.length ? el("ul", { class: "plain" }, ...values.slice(0, 8).map((value) => el("li", {}, foreign(value))), ...more) : null;
    };
    return [
      el("p", { class: "lead" }, `${truncated ? "At least " : ""}${counted(rows.length, "VM misses", "VMs miss")} it.`,
        ...(data.patches.leftOut[key] ? [` It does not count on ${figure(data.patches.leftOut[key])} of them`, mark(data.patches.leftOut[key]), "."] : [])),
      unsure ? el("p", { class: "aside" }, unsure) : null,
      facts(["Title", several("name")], ["Version", several("version")], ["Class", several("class")], ["Published", several("published")], ["Restart", several("reboot")]),
    ];
  }

  // Views: each shows itself and returns its title.
  const lists = { vms: "#vms", patches: "#patches" };
  const detail = (view, found, title, facts) => {
    $(`h-${view}`).replaceChildren(found ? foreign(title) : `No such ${view === "vm" ? "VM" : "patch"} in this run`);
    $(`facts-${view}`).replaceChildren(...(found ? facts.filter(Boolean) : []));
    $(`list-${view}`).hidden = !found;
    $(`view-${view}`).querySelector(".back a").href = lists[view === "vm" ? "vms" : "patches"];
    return found ? title : "Not found";
  };
  let byId;
  const views = {
    overview: () => "Overview",
    unseen: () => "Not seen",
    vms(_, state) {
      fill($("filters"), state);
      lists.vms = location.hash;
      const rows = selected(state);
      showVms(rows, (many) => (many === data.count ? counted(many, "VM", "VMs") : `${figure(many)} of ${counted(data.count, "VM", "VMs")}`), state);
      return "VMs";
    },
    vm(id, state) {
      byId ??= new Map(worstFirst.map((i) => [idOf(i).toLowerCase(), i]));
      const i = byId.get(id);
      if (i === undefined) return detail("vm", false);
      const list = [...vms.list.get(i)].sort((a, b) => pressing[keyOf[b]] - pressing[keyOf[a]] || keysByName[keyOf[a]] - keysByName[keyOf[b]]);
      const title = detail("vm", true, vms.name.get(i), vmFacts(i));
      const isAssessed = vms.outcome.get(i) === "assessed";
      const less = sumsOf(i).urgentLess + sumsOf(i).otherLess;
      const leftOut = less ? `, ${figure(less)} of them left out` : "";
      showList(list, (many) => (isAssessed ? `${counted(many, "patch", "patches")} listed${leftOut}` : "Not assessed: no patches are known"), state);
      return title;
    },
    patches(_, state) {
      fill($("patch-filters"), state);
      lists.patches = location.hash;
      const asked = (state.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
      const text = (key) => `${keys[key]} ${titles[key] ?? ""}`.toLowerCase();
      const rows = keysInOrder.filter(
        (key) => (!state.get("critical") || pressing[key]) && asked.every((word) => text(key).includes(word)),
      );
      showPatches(rows, (many) => (many === keys.length ? counted(many, "patch", "patches") : `${figure(many)} of ${counted(keys.length, "patch", "patches")}`), state);
      return "Patches";
    },
    patch(name, state) {
      const key = keys.indexOf(name);
      if (key < 0) return detail("patch", false);
      const rows = missing(key);
      const title = detail("patch", true, name, patchFacts(key, rows));
      showMissing(rows, (many) => counted(many, "VM", "VMs"), state);
      return title;
    },
  };

  function show() {
    const { view, argument, state } = where();
    for (const section of document.querySelectorAll("[data-view]")) section.hidden = section.dataset.view !== view;
    const title = views[view](argument, state);
    const current = { vm: "vms", patch: "patches" }[view] ?? view;
    for (const link of document.querySelectorAll("header nav a")) {
      if (link.hash === `#${current}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${title} - ${TITLE}`;
  }
  function move(event) {
    if (location.hash === "#content") return history.replaceState(null, "", new URL(event.oldURL).hash || "#overview");
    show();
    // A part of the overview has its address as its id.
    const { view, path, argument } = where();
    const part = view === "overview" && argument ? $(path) : null;
    if (part) return part.focus();
    // Back in a list, its reader goes on where the list was left; elsewhere at the top.
    const left = new URL(event.oldURL).hash.split("?")[0];
    const link = [...document.querySelectorAll(`#view-${view} a`)].find((each) => left.includes("/") && each.hash === left);
    if (link) return link.focus();
    $(`h-${view}`).focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  [$("filters"), $("patch-filters")].forEach(bind);
  for (const each of document.querySelectorAll(".scripted")) each.hidden = false;
  for (const button of document.querySelectorAll("[data-rest]")) {
    const rest = $(button.dataset.rest);
    rest.hidden = true;
    button.addEventListener("click", () => {
      rest.hidden = !rest.hidden;
      button.setAttribute("aria-expanded", String(!rest.hidden));
    });
  }
  addEventListener("hashchange", move);
  show();
  document.body.dataset.ready = Math.round(performance.now());
})();
