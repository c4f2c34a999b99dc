/** Frappe v16's own values of what a pair needs and a brand may leave as it is, as seen on a running site. */

export const STOCK_DESK = `
:root, [data-theme="light"] {
  --neutral: #ffffff; --invert-neutral: #000000; --gray-50: #f8f8f8; --gray-100: #f3f3f3; --gray-500: #999999;
  --gray-600: #7c7c7c; --gray-700: #525252; --red-500: #e03636; --green-100: #e4f5e9; --dark-green-500: #30a66d;
  --primary: #171717; --primary-color: #171717; --brand-color: #171717; --btn-primary: #171717; --border-primary: #171717;
  --checkbox-gradient: linear-gradient(#171717, #171717); --progress-bar-bg: #171717;
  --date-active-text: #f3f3f3; --date-active-bg: #171717;
  --bg-color: #ffffff; --fg-color: #ffffff; --card-bg: #ffffff; --modal-bg: #ffffff; --popover-bg: #ffffff; --toast-bg: #ffffff;
  --surface-modal: #ffffff; --subtle-fg: #f3f3f3; --subtle-accent: #f8f8f8; --highlight-color: #f8f8f8; --fg-hover-color: #f3f3f3;
  --control-bg: #f3f3f3; --input-disabled-bg: #f8f8f8; --disabled-control-bg: #f8f8f8; --btn-default-hover-bg: #e2e2e2;
  --awesomplete-hover-bg: #f3f3f3; --bg-light-gray: #f3f3f3;
  --text-color: #383838; --heading-color: #171717; --text-neutral: #171717; --text-muted: #525252; --text-light: #7c7c7c;
  --disabled-text-color: #7c7c7c; --icon-stroke: #383838; --scrollbar-thumb-color: #c7c7c7;
  --ink-gray-4: #999999; --ink-gray-5: #7c7c7c; --ink-gray-6: #525252; --ink-gray-7: #525252; --ink-gray-8: #383838; --ink-gray-9: #171717;
  --surface-menu-bar: #f8f8f8; --sidebar-hover-color: #f3f3f3; --sidebar-active-color: #ffffff; --btn-ghost-hover-bg: #ededed;
  --bg-green: #e4f5e9; --text-on-green: #16794c; --bg-blue: #edf6fd; --text-on-blue: #0070cc; --bg-orange: #fff1e7; --text-on-orange: #bd3e0c;
  --bg-yellow: #fff7d3; --text-on-yellow: #ab6e05; --bg-red: #fff0f0; --text-on-red: #b52a2a; --bg-gray: #f3f3f3; --text-on-gray: #525252;
  --blue-avatar-bg: #f7fbfd; --blue-avatar-color: #0289f7;
  --alert-bg-success: #e4f5e9; --alert-bg-info: #f7fbfd; --alert-bg-warning: #fffcef; --alert-bg-danger: #fff7f7;
}
[data-theme="dark"] {
  --neutral: #000000; --invert-neutral: #ffffff; --gray-700: #383838;
  --btn-primary: #e2e2e2; --border-primary: #ededed; --checkbox-gradient: linear-gradient(#ffffff, #ffffff); --progress-bar-bg: #f3f3f3;
  --date-active-bg: #383838;
  --bg-color: #171717; --fg-color: #171717; --card-bg: #171717; --modal-bg: #171717; --popover-bg: #171717; --toast-bg: #171717;
  --surface-modal: #232323; --subtle-fg: #383838; --subtle-accent: #232323; --highlight-color: #383838; --fg-hover-color: #232323;
  --control-bg: #232323; --input-disabled-bg: #232323; --disabled-control-bg: #232323; --btn-default-hover-bg: #383838;
  --awesomplete-hover-bg: #232323; --bg-light-gray: #232323;
  --text-color: #f8f8f8; --heading-color: #f8f8f8; --text-neutral: #f8f8f8; --text-muted: #c7c7c7; --text-light: #e2e2e2;
  --disabled-text-color: #c7c7c7; --icon-stroke: #e2e2e2; --scrollbar-thumb-color: #7c7c7c;
  --ink-gray-4: #717171; --ink-gray-5: #808080; --ink-gray-6: #999999; --ink-gray-7: #afafaf; --ink-gray-8: #d4d4d4; --ink-gray-9: #f8f8f8;
  --surface-menu-bar: #0f0f0f; --sidebar-hover-color: #2b2b2b; --sidebar-active-color: #424242; --btn-ghost-hover-bg: #232323;
  --bg-green: #173b2c; --text-on-green: #e4f5e9; --bg-blue: #007be0; --text-on-blue: #f7fbfd; --bg-orange: #bd3e0c; --text-on-orange: #fff1e7;
  --bg-yellow: #ab6e05; --text-on-yellow: #fffcef; --bg-red: #cc2929; --text-on-red: #fff7f7; --bg-gray: #7c7c7c; --text-on-gray: #f8f8f8;
  --alert-bg-success: #173b2c; --alert-bg-info: #004880; --alert-bg-warning: #733f12; --alert-bg-danger: #6b1515;
}
[data-theme="dark"] .modal, [data-theme="dark"] .form-in-grid { --control-bg: #232323 }
.grid-body .editable-row { --control-bg: var(--neutral) }
[data-theme="dark"] .grid-body .editable-row { --control-bg: #171717; --input-disabled-bg: #232323 }
.page-head { background: var(--bg-color) }
.page-head .page-title .sidebar-toggle-btn { --icon-stroke: var(--gray-700) }
.desktop-wrapper .navbar-container { background: var(--neutral) }
.body-sidebar .avatar-name-email .text-secondary { color: #7c7c7c }
input[type="checkbox"] { border-color: #999999 }
.user-onboarding .onb-panel { background-color: #ffffff }
[data-theme="dark"] .user-onboarding .onb-panel { background-color: #232323 }
#page-point-of-sale .past-order-summary .order-summary-container { background: white }
`

/** The website has no dark mode, and its card is white by a rule. Its variables come after a brand's. */
export const STOCK_LOGIN = `
:root {
  --neutral: #ffffff; --invert-neutral: #000000; --gray-100: #f3f3f3; --btn-primary: #171717; --primary: #171717; --primary-color: #171717;
  --text-color: #383838; --heading-color: #171717; --text-muted: #525252; --text-light: #7c7c7c; --control-bg: #f3f3f3;
}
body[data-path] .text-muted { color: #7c7c7c }
body[data-path="login"] { background: #f3f3f3 }
body[data-path="login"] .page-card-head h4 { color: var(--text-color) }
body[data-path="login"] section .page-card { background-color: #ffffff }
body[data-path="login"] section .page-card .forgot-password-message > a { color: #7c7c7c }
body[data-path="login"] section .page-card .page-card-body .btn-login-option { background: #f3f3f3; color: #525252 }
`
