/*
 * Dickson Pharmaceutical: marks prescription medicines where no style sheet can know them, by their item group.
 * On an item's form a badge beside its pill, at the point of sale a class on the cards. Colours are theme.css's.
 * Whatever it needs may be missing (another version, another page): then it does nothing and throws nothing.
 */
;(() => {
  const GROUP = '{{prescription.itemGroup}}'
  const BADGE = 'brand-rx-badge'
  const MARK = 'brand-rx'
  const frappe = window.frappe
  if (!frappe) return

  /** Nothing of ours may break a page of theirs. */
  const quietly = (work) => {
    try {
      const done = work()
      if (done && typeof done.catch === 'function') done.catch(() => {})
    } catch {
      // no mark is better than no page
    }
  }

  // ---- An item's form: a badge after Frappe's own pill, which stays
  const markForm = (frm) => {
    const page = frm?.page?.wrapper?.[0]
    if (!page) return
    for (const old of page.querySelectorAll(`.${BADGE}`)) old.remove()
    if (frm.doc?.item_group !== GROUP) return
    const badge = document.createElement('span')
    badge.className = BADGE
    badge.textContent = typeof window.__ === 'function' ? window.__(GROUP) : GROUP
    page.querySelector('.page-head .title-area')?.append(badge)
  }
  quietly(() =>
    frappe.ui.form.on('Item', {
      refresh: (frm) => quietly(() => markForm(frm)),
      item_group: (frm) => quietly(() => markForm(frm)),
    }),
  )

  // ---- The point of sale: the cards carry a code alone, so their groups are asked for, each code once
  const groups = new Map()
  const PER_REQUEST = 100

  /** POS writes codes through escape(). */
  const codeOf = (card) => window.unescape(card.dataset.itemCode ?? '')

  const markCards = (container) => {
    for (const card of container.querySelectorAll('.item-wrapper[data-item-code]')) {
      card.classList.toggle(MARK, groups.get(codeOf(card)) === GROUP)
    }
  }

  const learn = async (container) => {
    const shown = [...container.querySelectorAll('.item-wrapper[data-item-code]')].map(codeOf)
    const unknown = [...new Set(shown)].filter((code) => code && !groups.has(code))
    for (let from = 0; from < unknown.length; from += PER_REQUEST) {
      const codes = unknown.slice(from, from + PER_REQUEST)
      for (const code of codes) groups.set(code, '') // asked for: not again while the answer is on its way
      try {
        const items = await frappe.db.get_list('Item', {
          filters: { name: ['in', codes] },
          fields: ['name', 'item_group'],
          limit: PER_REQUEST,
        })
        for (const { name, item_group } of items) groups.set(name, item_group)
      } catch {
        for (const code of codes) groups.delete(code) // no answer: the next change of the cards asks again
        return
      }
      markCards(container)
    }
  }

  const see = (container) => {
    markCards(container)
    quietly(() => learn(container))
  }

  // Cards are made again for every search. Only while the point of sale is shown does anything watch.
  let watched
  const cards = new MutationObserver(() => quietly(() => watched && see(watched)))
  const watch = () => {
    const container = document.querySelector('.point-of-sale-app .items-container')
    if (!container || container === watched) return Boolean(container)
    watched = container
    cards.disconnect()
    cards.observe(container, { childList: true })
    see(container)
    return true
  }
  const arrival = new MutationObserver(() => quietly(() => watch() && arrival.disconnect()))
  const lookAround = () => {
    arrival.disconnect()
    if (!String(frappe.get_route_str?.() ?? '').startsWith('point-of-sale')) return
    if (!watch()) arrival.observe(document.body, { childList: true, subtree: true })
  }
  quietly(() => frappe.router.on('change', () => quietly(lookAround)))
  quietly(lookAround)
})()
