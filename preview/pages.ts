/** The desk's pages: desktop, workspace, list, form, report, dialog. */
import {
  desk,
  each,
  type Head,
  icon,
  iconButton,
  menuButton,
  type Page,
  pageHead,
  pill,
  primary,
  sidebar,
  text,
} from './html.ts'
import type { Row, Sample } from './samples.ts'

const view = (sample: Sample, active: string, open: boolean, head: Head, page: Omit<Page, 'head' | 'sidebar'>) =>
  desk({ ...page, head: pageHead(head), sidebar: sidebar({ ...sample.sidebar, active }, open) })

const listActions = (label: string) =>
  `<div class="standard-actions flex"><span class="page-icon-group">${iconButton('refresh')}</span>${menuButton}${primary(label)}</div>`

const field = (label: string) =>
  `<div class="form-group frappe-control input-max-width col-md-2"><input type="text" autocomplete="off" class="input-with-feedback form-control input-xs" placeholder="${label}"></div>`

const listRow = ({ name, cells, amount, pill: badge, ago }: Row, doctype: string) => `
<div class="list-row-container" tabindex="1"><div class="level list-row"><div class="level-left ellipsis">
  <div class="list-row-col ellipsis list-subject level"><span class="level-item select-like"><input class="list-row-checkbox" type="checkbox" data-name="${text(name)}" data-doctype="${doctype}"></span>
    <span class="level-item ellipsis"><a class="ellipsis" data-doctype="${doctype}" data-name="${text(name)}">${text(name)}</a></span></div>
  <div class="list-row-col hidden-xs ellipsis">${pill(...badge)}</div>
  ${each(cells, ([name, value]) => `<div class="list-row-col ellipsis hidden-xs ${name}"><span class="ellipsis"><a class="filterable ellipsis" data-filter="${name},=,${text(value)}">${text(value)}</a></span></div>`)}
  ${amount ? `<div class="list-row-col ellipsis hidden-xs text-right ${amount[0]}"><span class="ellipsis"><a class="filterable ellipsis" data-filter="${amount[0]},=,${amount[1]}"><div style="text-align: right">${amount[2]}</div></a></span></div>` : ''}
</div><div class="level-right text-muted ellipsis"><div class="level-item list-row-activity hidden-xs"><span class="modified"><span class="frappe-timestamp">${ago}</span></span></div></div></div></div>`

const listBody = ({ list }: Sample) => `
<div class="layout-main"><div class="layout-main-section-wrapper"><div class="layout-main-section frappe-card">
  <div class="page-form flex"><div class="standard-filter-section flex">${field('ID')}${each(list.columns, ([, label]) => field(label))}</div>
    <div class="filter-section flex"><div class="filter-selector"><div class="btn-group"><button class="btn btn-default btn-sm filter-button">${icon('list')}<span class="button-label">Filter</span></button></div></div></div></div>
  <div class="frappe-list"><div class="result">
    <div class="list-row-container"><header class="level list-row-head text-muted"><div class="level-left list-header-subject">
      <div class="list-row-col ellipsis list-subject level"><span class="level-item select-like"><input type="checkbox"></span><span class="level-item">${list.subject}</span></div>
      <div class="list-row-col ellipsis hidden-xs"><span>Status</span></div>
      ${each(list.columns, ([name, label]) => `<div class="list-row-col ellipsis hidden-xs ${name}"><span>${label}</span></div>`)}
      ${list.amount ? `<div class="list-row-col ellipsis hidden-xs text-right"><span>${list.amount}</span></div>` : ''}
    </div><div class="level-right"><span class="list-count">${list.rows.length} of ${list.rows.length}</span></div></header></div>
    ${each(list.rows, (row) => listRow(row, list.doctype))}
  </div><div class="list-paging-area level"><div class="level-left"><div class="btn-group"><button class="btn btn-default btn-paging btn-info">20</button><button class="btn btn-default btn-paging">100</button><button class="btn btn-default btn-paging">500</button></div></div></div></div>
</div></div></div>`

export const list = (sample: Sample, open: boolean) =>
  view(
    sample,
    sample.list.doctype,
    open,
    { crumbs: sample.list.crumbs, actions: listActions(`Add ${sample.list.doctype}`) },
    { name: 'list', route: `List/${sample.list.doctype}/List`, body: listBody(sample) },
  )

type Control = Sample['form']['left'][number]
const control = ([name, label, value, type]: Control, readOnly: boolean) => `
<div class="frappe-control input-max-width" data-fieldtype="${type}" data-fieldname="${name}"><div class="form-group">
  <div class="clearfix"><label class="control-label ${readOnly ? '' : 'reqd'}">${label}</label></div>
  <div class="control-input-wrapper">${readOnly ? `<div class="control-value like-disabled-input">${value}</div>` : `<div class="control-input"><input type="text" class="input-with-feedback form-control" value="${value}"></div>`}</div>
</div></div>`

const numeric = (type: string) => /Currency|Float|Int/.test(type)
const gridCell = (label: string, type: string, value: string) => `
<div class="col grid-static-col col-xs-2 ${numeric(type) ? 'text-right' : ''}" data-fieldtype="${type}"><div class="static-area ellipsis">${numeric(type) && value !== label ? `<div style="text-align: right">${value}</div>` : value}</div></div>`

const formBody = ({ form }: Sample) => `
<div class="layout-main"><div class="layout-main-section-wrapper"><div class="layout-main-section frappe-card"><div class="form-layout">
  <div class="form-tabs-list"><ul class="nav form-tabs">${each(form.tabs, (tab, index) => `<li class="nav-item"><button class="nav-link ${index === 0 ? 'active' : ''}">${tab}</button></li>`)}</ul></div>
  <div class="form-tab-content tab-content"><div class="tab-pane active"><div class="row form-section card-section visible-section"><div class="section-body">
    <div class="form-column col-sm-6">${each(form.left, (one) => control(one, false))}</div><div class="form-column col-sm-6">${each(form.right, (one) => control(one, numeric(one[3])))}</div></div></div>
  <div class="row form-section card-section visible-section"><div class="section-head">${form.table.label}</div><div class="section-body"><div class="form-column col-sm-12"><div class="frappe-control" data-fieldtype="Table"><div class="form-grid-container"><div class="form-grid">
    <div class="grid-heading-row"><div class="grid-row"><div class="data-row row"><div class="row-check sortable-handle col"><input type="checkbox" class="grid-row-check"></div><div class="row-index sortable-handle col"><span>No.</span></div>${each(form.table.heads, ([label, type]) => gridCell(label, type, label))}</div></div></div>
    <div class="grid-body"><div class="rows">${each(form.table.rows, (row, line) => `<div class="grid-row"><div class="data-row row"><div class="row-check sortable-handle col"><input type="checkbox" class="grid-row-check"></div><div class="row-index sortable-handle col"><span>${line + 1}</span></div>${each(row, (value, index) => gridCell(form.table.heads[index]?.[0] ?? '', form.table.heads[index]?.[1] ?? '', value))}</div></div>`)}</div></div>
  </div></div></div></div></div></div></div></div>
</div></div></div></div>`

export const form = (sample: Sample, open: boolean) =>
  view(
    sample,
    sample.list.doctype,
    open,
    {
      crumbs: sample.form.crumbs,
      form: true,
      pill: `<span class="indicator-pill whitespace-nowrap page-indicator-pill ${sample.form.pill[0]}"><span>${sample.form.pill[1]}</span></span>`,
      actions: `<div class="custom-actions hidden-xs hidden-md"><div class="inner-group-button"><button type="button" class="btn btn-default ellipsis">Create ${icon('down', 'xs')}</button></div></div><div class="standard-actions flex"><span class="page-icon-group hidden-xs hidden-sm">${iconButton('prev')}${iconButton('next')}</span>${menuButton}${primary('Save')}</div>`,
    },
    { name: 'form', route: `Form/${sample.list.doctype}/x`, body: formBody(sample) },
  )

const dataCell = (value: string, index: number, right: boolean, bold: boolean) => `
<div class="dt-cell dt-cell--col-${index}" style="flex:1"><div class="dt-cell__content" title="${value}">${right ? `<div style="text-align: right">${bold ? `<b>${value}</b>` : value}</div>` : `<span>${bold ? `<b>${value}</b>` : value}</span>`}</div></div>`

export const report = (sample: Sample, open: boolean) => {
  const { heads, rows, bold } = sample.report
  const body = `
<div class="layout-main"><div class="layout-main-section-wrapper"><div class="layout-main-section frappe-card">
  <div class="page-form flex">${field('Company')}${field('From Date')}${field('To Date')}</div>
  <div class="report-wrapper"><div class="datatable dt-instance-1">
    <div class="dt-header"><div class="dt-row dt-row-header">${each(heads, ([label, right], index) => `<div class="dt-cell dt-cell--header" style="flex:1"><div class="dt-cell__content" title="${label}">${right ? `<div style="text-align: right">${label}</div>` : label}</div></div>${index < 0 ? '' : ''}`)}</div>
    <div class="dt-row dt-row-filter">${each(heads, () => '<div class="dt-cell dt-cell--filter" style="flex:1"><div class="dt-cell__content"><input class="dt-filter dt-input" type="text"></div></div>')}</div></div>
    <div class="dt-scrollable">${each(rows, (row, line) => `<div class="dt-row">${each(row, (value, index) => dataCell(value, index, heads[index]?.[1] ?? false, bold.includes(line)))}</div>`)}</div>
  </div></div>
</div></div></div>`
  return view(
    sample,
    'none',
    open,
    { crumbs: sample.report.crumbs, actions: listActions('Actions') },
    { name: 'report', route: `query-report/${sample.report.title}`, id: 'query-report', body },
  )
}

export const workspace = (sample: Sample, open: boolean) => {
  const body = `
<div class="layout-main"><div class="layout-main-section-wrapper"><div class="layout-main-section"><div style="display:grid;grid-template-columns:repeat(12,minmax(0,1fr));gap:14px;padding:18px 14px">
  ${each(sample.cards, ([label, value, change]) => `<div class="widget number-widget-box" style="grid-column:span 3;min-width:130px"><div class="widget-head"><div class="widget-label"><div class="widget-title"><span class="ellipsis">${label}</span></div></div></div><div class="widget-body"><div class="widget-content"><div class="number">${value}</div><div class="card-stats grey-stat"><span class="percentage-stat-area">${change} since last month</span></div></div></div></div>`)}
  <h4 class="ce-header" style="grid-column:1/-1;margin:8px 0 0">Your Shortcuts</h4>
  ${each(sample.shortcuts, (label) => `<div class="widget shortcut-widget-box" style="grid-column:span 4"><div class="widget-head"><div class="widget-label"><div class="widget-title"><span class="ellipsis">${label}</span></div></div><div class="widget-control">${icon('next')}</div></div></div>`)}
  <h4 class="ce-header" style="grid-column:1/-1;margin:8px 0 0">Reports & Masters</h4>
  ${each(sample.links, ([title, name, links]) => `<div class="widget links-widget-box" style="grid-column:span 4"><div class="widget-head"><div class="widget-label"><div class="widget-title">${icon(name)}<span class="ellipsis">${title}</span></div></div></div><div class="widget-body">${each(links, (link) => `<a class="link-item ellipsis"><span class="indicator-pill no-margin gray"></span><span class="link-content ellipsis">${link}</span></a>`)}</div></div>`)}
</div></div></div></div>`
  const after = `<div class="user-onboarding"><div class="onb-panel"><div class="header onb-header-main"><div class="text-base font-medium">Getting Started</div></div><div class="body"><div class="onb-title"><div class="onb-title-steps">1/3 steps completed</div></div><div class="onb-progress-row"><div class="onb-progress-badge">33% completed</div><span class="onb-skip">Skip All</span></div><div class="onb-group"><span class="text-base onb-step-text">Create your first item</span></div></div></div></div>`
  return view(
    sample,
    'Home',
    open,
    { crumbs: [sample.sidebar.title] },
    { name: 'workspace', route: `Workspaces`, body, after },
  )
}

export const desktop = (sample: Sample, logo: string) => {
  const icons = [
    'Accounting',
    'Selling',
    'Buying',
    'Stock',
    'Assets',
    'Projects',
    'CRM',
    'Quality',
    'Support',
    'Users',
    'Website',
    'Settings',
  ]
  return `
<body data-route="desktop" class="full-width"><div class="main-section"><header></header><div id="body"><div class="content page-container" id="page-desktop" data-page-route="desktop"><div class="container page-body"><div class="page-wrapper"><div class="page-content">
<div class="desktop-wrapper"><header class="navbar navbar-expand navbar-container" role="navigation">
  <div class="navbar-home"><img id="brand-logo" src="${logo}" alt=""></div>
  <div class="desktop-search-wrapper input-group search-bar"><button id="desktop-navbar-modal-search" class="btn-reset flex justify-between desktop-navbar-modal-search"><span class="desktop-search-icon">${icon('search')} Search</span><span class="desktop-keyboard-shortcut">Ctrl K</span></button></div>
  <div class="flex" style="gap:16px;align-items:center"><div class="desktop-notifications"><div class="dropdown dropdown-notifications"><button class="btn-reset nav-link text-muted">${icon('bell', 'md')}</button></div></div>
  <div class="desktop-avatar"><span class="avatar avatar-medium"><span class="avatar-frame standard-image" style="background-color: var(--blue-avatar-bg); color: var(--blue-avatar-color)">${sample.sidebar.user[0]}</span></span></div></div>
</header><div class="desktop-container"><div class="icons-container"><div class="icons">
  ${each(icons, (label, index) => `<a class="desktop-icon"><div class="icon-container" style="background:hsl(${205 + index * 12} 45% 90%);color:hsl(${205 + index * 12} 50% 32%)">${icon('box', 'lg')}</div><div class="icon-caption"><div class="icon-title">${label}</div></div></a>`)}
</div></div></div></div></div></div></div></div></div></div></body>`
}

export const dialog = (sample: Sample, open: boolean) => {
  const after = `
<div class="modal-backdrop show"></div>
<div class="modal show" style="display:block"><div class="modal-dialog"><div class="modal-content">
  <div class="modal-header"><div class="fill-width flex title-section"><h4 class="modal-title">New ${sample.list.doctype}</h4></div><div class="modal-actions"><button class="btn btn-modal-close btn-link">${icon('close')}</button></div></div>
  <div class="modal-body ui-front"><div class="form-layout"><div class="form-page"><div class="row form-section card-section visible-section"><div class="section-body"><div class="form-column col-sm-12">${each(sample.form.left, (one) => control(one, false))}
    <div class="frappe-control" data-fieldtype="Check"><div class="checkbox"><label><span class="input-area"><input type="checkbox" checked></span><span class="label-area">Update stock</span></label><p class="help-box small text-muted">Moves the goods when it is submitted.</p></div></div></div></div></div></div></div></div>
  <div class="modal-footer"><div class="standard-actions"><button type="button" class="btn btn-secondary btn-sm btn-modal-secondary">Edit in full page</button> <button type="button" class="btn btn-primary btn-sm btn-modal-primary">Save</button></div></div>
</div></div></div>
<div id="alert-container"><div class="desk-alert green"><div class="alert-message-container"><div class="alert-title-container"><div class="alert-message">Saved</div></div></div></div></div>`
  return view(
    sample,
    sample.list.doctype,
    open,
    { crumbs: sample.list.crumbs, actions: listActions(`Add ${sample.list.doctype}`) },
    { name: 'dialog', route: `List/${sample.list.doctype}/List`, body: listBody(sample), after },
  )
}
