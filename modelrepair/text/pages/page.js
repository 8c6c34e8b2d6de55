"use strict";
// Filters of a page: each [data-model] holds [data-outcome] items; a row [data-row] names its model.
(() => {
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details:not([open])")) { each.open = true; opened.push(each); }
  });
  addEventListener("afterprint", () => { while (opened.length) opened.pop().open = false; });

  const form = document.getElementById("filters");
  if (!form) return;
  const levels = ["note", "warning", "error"];
  const models = [...document.querySelectorAll("[data-model]")].map((part) => ({
    part,
    row: document.querySelector(`[data-row="${part.id}"]`),
    name: part.dataset.model.toLowerCase(),
    items: [...part.querySelectorAll("[data-outcome]")].map((item) => ({
      item, text: item.textContent.toLowerCase(), ...item.dataset,
    })),
    groups: [...part.querySelectorAll("[data-group]")],
  }));
  const total = models.reduce((sum, model) => sum + model.items.length, 0);
  const shown = document.getElementById("shown");

  const apply = () => {
    const data = new FormData(form);
    const outcomes = new Set(data.getAll("outcome"));
    const least = levels.indexOf(data.get("severity"));
    const stage = data.get("stage");
    const words = data.get("text").toLowerCase().trim();
    let items = 0, parts = 0;
    for (const model of models) {
      const named = !words || model.name.includes(words);
      let count = 0;
      for (const each of model.items) {
        const fits = outcomes.has(each.outcome)
          && (each.outcome !== "found" || levels.indexOf(each.severity) >= least)
          && (!stage || each.stage === stage)
          && (named || each.text.includes(words));
        each.item.hidden = !fits;
        count += fits;
      }
      for (const group of model.groups) {
        const left = group.querySelector("[data-outcome]:not([hidden])");
        group.hidden = !left;
        if (words && left && group.tagName === "DETAILS") group.open = true;
      }
      model.part.hidden = !count;
      if (model.row) model.row.hidden = !count;
      items += count;
      parts += count > 0;
    }
    shown.textContent = `${items} of ${total} answers, ${parts} of ${models.length} models`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  form.hidden = false;
  apply();
})();
