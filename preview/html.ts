/** What every page of the preview is made of: our own drawings of the anatomy that docs/branding.md lists. */

/** The paths of a few line icons, drawn here on a 16 px grid. */
const ICONS = {
  menu: 'M2 4h12M2 8h12M2 12h12',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5 14 14',
  bell: 'M4 11V7a4 4 0 0 1 8 0v4l1 1.5H3L4 11M7 14h2',
  home: 'M2.5 7.5 8 3l5.5 4.5V13h-4V9.500h-3V13h-4z',
  dots: 'M3 8h.01M8 8h.01M13 8h.01',
  down: 'M4 6l4 4 4-4',
  next: 'M6 4l4 4-4 4',
  prev: 'M10 4 6 8l4 4',
  refresh: 'M13 8a5 5 0 1 1-1.500-3.500M13 2.500v3h-3',
  book: 'M3 3h7a3 3 0 0 1 3 3v7H6a3 3 0 0 1-3-3z',
  list: 'M5 4h9M5 8h9M5 12h9M2 4h.01M2 8h.01M2 12h.01',
  chart: 'M2.500 13.500h11M4 11V8M8 11V4M12 11V6',
  box: 'M2.500 5 8 2.500 13.500 5v6L8 13.500 2.500 11zM2.500 5 8 7.500 13.500 5M8 7.500v6',
  people:
    'M6 7.500a2.200 2.200 0 1 0 0-4.400 2.200 2.200 0 0 0 0 4.400M2 13c0-2.500 1.800-3.800 4-3.800s4 1.300 4 3.800M11 4a2 2 0 0 1 0 3.800M12 9.500c1.300.5 2 1.700 2 3.500',
  gear: 'M8 5.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5M8 2v1.500M8 12.500V14M2 8h1.500M12.500 8H14',
  heart: 'M8 13 3 8a3 3 0 0 1 5-3.500A3 3 0 0 1 13 8z',
  lock: 'M4 7.500h8V13H4zM5.500 7.500V5a2.500 2.500 0 0 1 5 0v2.500',
  mail: 'M2.500 4h11v8h-11zM2.500 4.500 8 9l5.500-4.500',
  close: 'M4 4l8 8M12 4l-8 8',
} as const
export type Icon = keyof typeof ICONS

export const icon = (name: Icon, size = 'sm', classes = '') =>
  `<svg class="icon icon-${size} ${classes}" viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`

/** Text as HTML may carry it. */
export const text = (value: string) => value.replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`)

export const each = <T>(items: readonly T[], html: (item: T, index: number) => string) => items.map(html).join('')

export const pill = (colour: string, label: string) =>
  `<span class="indicator-pill ${colour} filterable no-indicator-dot ellipsis"><span class="ellipsis">${label}</span></span>`

const sidebarItem = (label: string, name: Icon, active: boolean) => `
  <div class="sidebar-item-container" item-name="${label}">
    <div class="standard-sidebar-item ${active ? 'active-sidebar' : ''}">
      <a class="item-anchor"><span class="sidebar-item-icon">${icon(name, 'sm', 'text-ink-gray-7 current-color')}</span>
        <span class="sidebar-item-label">${label}</span></a>
      <div class="sidebar-item-control"></div>
    </div>
  </div>`

export interface Sidebar {
  title: string
  company: string
  items: readonly (readonly [label: string, icon: Icon])[]
  section: string
  below: readonly (readonly [label: string, icon: Icon])[]
  active: string
  user: readonly [initials: string, name: string, mail: string]
}

/** `open`: as on a wide screen, or opened on a phone. */
export const sidebar = ({ title, company, items, section, below, active, user }: Sidebar, open: boolean) => `
<div class="body-sidebar-container ${open ? 'expanded' : ''}">
  <div class="body-sidebar-placeholder"></div>
  <div class="body-sidebar" data-title="${title}">
    <a class="sidebar-header"><div class="sidebar-item-icon"><div class="header-logo">${icon('book')}</div></div>
      <div class="title-container"><span class="header-title">${title}</span><span class="header-subtitle">${company}</span></div>
      <button class="btn-reset drop-icon">${icon('down')}</button></a>
    <div class="standard-items-sections">
      <div class="standard-sidebar-item" id="navbar-modal-search"><a class="item-anchor"><span class="sidebar-item-icon">${icon('search', 'sm', 'text-ink-gray-7 current-color')}</span>
        <span class="sidebar-item-label">Search</span><span class="sidebar-item-suffix"><span class="keyboard-shortcut">Ctrl K</span></span></a></div>
      <div class="standard-sidebar-item sidebar-notification"><a class="item-anchor"><span class="sidebar-item-icon">${icon('bell', 'sm', 'text-ink-gray-7 current-color')}</span>
        <span class="sidebar-item-label">Notification</span></a></div>
    </div>
    <div class="body-sidebar-top"><div class="sidebar-items">
      ${each(items, ([label, name]) => sidebarItem(label, name, label === active))}
      <div class="sidebar-item-container section-item"><div class="standard-sidebar-item"><a class="item-anchor section-break">
        <span class="sidebar-item-label">${section}</span></a><div class="sidebar-item-control"><button class="btn-reset drop-icon">${icon('down')}</button></div></div></div>
      ${each(below, ([label, name]) => sidebarItem(label, name, label === active))}
    </div></div>
    <div class="body-sidebar-bottom">
      <a class="onboarding-sidebar px-2">${icon('list', 'sm', 'text-ink-gray-7 current-color')}<span>Getting Started</span></a>
      <div class="nav-item dropdown dropdown-navbar-user"><a class="align-center btn-reset flex nav-link sidebar-user-button">
        <div><span class="avatar avatar-medium"><span class="avatar-frame standard-image" style="background-color: var(--blue-avatar-bg); color: var(--blue-avatar-color)">${user[0]}</span></span></div>
        <div class="avatar-name-email text-small overflow-hidden w-75" style="margin-left: 8px"><span class="d-block text-truncate">${user[1]}</span><span class="d-block text-secondary text-truncate">${user[2]}</span></div></a></div>
      <div class="sidebar-bottom-actions d-flex align-items-center justify-content-between mt-2">
        <button class="btn btn-ghost btn-xs">${icon('gear', 'sm', 'text-ink-gray-7 current-color')}</button>
        <button class="btn btn-ghost btn-xs">${icon('prev', 'sm', 'text-ink-gray-7 current-color')}</button></div>
    </div>
  </div>
  <div class="overlay"></div>
</div>`

export interface Head {
  crumbs: readonly string[]
  pill?: string
  actions?: string
  /** Only a form's breadcrumb has a title of its own. */
  form?: boolean
}

export const pageHead = ({ crumbs, pill: badge = '', actions = '', form = false }: Head) => `
<div class="page-head flex"><div class="container"><div class="row flex-nowrap align-center page-head-content justify-between">
  <div class="page-title">
    <button class="btn-reset sidebar-toggle-btn navbar-brand">${icon('menu', 'md', 'sidebar-toggle-placeholder')}</button>
    <div class="flex title-area ellipsis"><ul class="nav d-sm-flex navbar-breadcrumbs ellipsis">
      <li><a>${icon('home')}</a></li>
      ${each(crumbs, (crumb, index) => `<li class="${index === crumbs.length - 1 && form ? 'title-text-form' : ''}"><a class="${index === crumbs.length - 1 ? 'title-text' : ''}">${crumb}</a></li>`)}
    </ul>${badge}</div>
  </div>
  <div class="align-center flex standard-items-section"><div class="flex col page-actions justify-content-end">${actions}</div></div>
</div></div></div>`

export const iconButton = (name: Icon) => `<button class="text-muted btn btn-default icon-btn">${icon(name)}</button>`
export const menuButton = `<div class="menu-btn-group"><button type="button" class="btn btn-default icon-btn menu-more-button"><span><span class="menu-btn-group-label">${icon('dots')}</span></span></button></div>`
export const primary = (label: string) =>
  `<button class="btn btn-primary btn-sm primary-action"><span class="hidden-xs">${label}</span><span class="visible-xs">+</span></button>`

export interface Page {
  name: string
  route: string
  head: string
  body: string
  sidebar: string
  /** What the page's own script appends to `<body>`: dialogs, panels. */
  after?: string
  id?: string
}

/** The desk's body. `content` scrolls beside the sidebar. */
export const desk = ({ route, head, body, sidebar: side, after = '', id = '' }: Page) => `
<body data-route="${route}" class="full-width" frappe-session-status="logged-in">
  ${side}<div class="main-section"><header></header><div id="body"><div class="content page-container" id="page-${id || route}" data-page-route="${route}">
    ${head}<div class="container page-body"><div class="page-wrapper"><div class="page-content">${body}</div></div></div>
  </div></div></div>${after}
</body>`
