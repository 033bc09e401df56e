/** What pages build with. */

export { announce } from "./announce";
export { Bar, type Segment, SegmentBar } from "./Bar";
export { Button, IconButton, LinkButton } from "./Button";
export { type Question, confirm } from "./confirm";
export { CopyButton, CopyLine, copyText } from "./Copy";
export { Dialog } from "./Dialog";
export { Empty, Failure } from "./Empty";
export { AreaField, CheckField, Field, SelectField, TextField } from "./Field";
export { Icon, type IconName } from "./Icon";
export { Menu, MenuItem, MenuLine, MenuTitle } from "./Menu";
export { Facts, Page, Section } from "./Page";
export { SidePanel } from "./SidePanel";
export { Skeleton, SkeletonRows } from "./Skeleton";
export { Status, StatusGlyph, StatusMark } from "./Status";
export { type Column, Table } from "./Table";
export { Choice, type Tab, Tabs } from "./Tabs";
export { Ago, At, Since } from "./Time";
export { toast, toastFailure } from "./Toasts";
export { useFlash } from "./useFlash";
export { isElsewhere } from "./useTableKeys";
