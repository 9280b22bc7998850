// @ts-check
/**
 * The page's words, in English and Chinese. `{name}` is filled in; a key that is missing is a fault that a test finds.
 */

/** @type {Record<string, Record<string, string>>} */
export const TEXTS = {
  en: {
    "app.tagline": "See who is there",
    "app.skip": "Skip to the devices",
    "app.language": "中文",
    "app.language.label": "中文：切换到中文",
    "app.settings": "Settings",

    "connection.connecting": "Connecting",
    "connection.connected": "Connected",
    "connection.reconnecting": "Reconnecting",
    "connection.stopped": "Not connected",

    "devices.title": "Devices",
    "devices.empty": "No device has come online yet. It will show up here by itself.",
    "devices.searching": "Looking for devices…",
    "devices.call": "Call",
    "devices.call.label": "Call {name}",
    "devices.online": "Online",
    "devices.busy": "In a call",
    "devices.offline": "Offline",
    "devices.yours": "In your call",

    "stage.label": "Call",
    "stage.idle.title": "Who would you like to see?",
    "stage.idle.text": "Choose a device and press Call.",
    "stage.video.label": "Picture of {name}",
    "stage.self.label": "Your own camera",
    "stage.inviting": "Calling…",
    "stage.ringing": "Ringing. Someone is being asked.",
    "stage.connecting": "Connecting…",
    "stage.connected": "Live",
    "stage.degraded": "Reconnecting…",
    "stage.direct": "Direct",
    "stage.relayed": "Relayed",
    "stage.path.label": "Path: {path}, from {local} to {remote}",
    "stage.play": "Turn the sound on",

    "control.hangup": "Hang up",
    "control.mute": "Mute the microphone",
    "control.unmute": "Unmute the microphone",
    "control.microphone.none": "No microphone",
    "control.camera.on": "Turn your camera on",
    "control.camera.off": "Turn your camera off",
    "control.fullscreen": "Full screen",
    "control.fullscreen.exit": "Leave full screen",

    "incoming.title": "{name} is calling",
    "incoming.text": "Pick up to see and talk.",
    "incoming.accept": "Accept",
    "incoming.reject": "Reject",
    "incoming.snapshot": "Snapshot from {name}",
    "incoming.missed": "Missed call",

    "plots.title": "Right now",
    "plots.bitrate": "Bit rate",
    "plots.framerate": "Frame rate",
    "plots.roundtrip": "Round trip",
    "plots.loss": "Loss",
    "plots.label": "{name}: {value}",
    "plots.details": "All measurements",
    "plots.local": "Sent",
    "plots.remote": "Received",
    "plots.none": "Nothing measured yet.",

    "summary.again": "Redial",
    "summary.copy": "Copy record",
    "summary.copied": "Copied",
    "summary.dismiss": "Close",
    "summary.title": "Your last call",
    "summary.duration": "Duration",
    "summary.setup": "First picture after",
    "summary.path": "Path",
    "summary.picture": "Picture",
    "summary.received": "Received",
    "summary.sent": "Sent",
    "summary.loss": "Packets lost",
    "summary.roundtrip": "Round trip",
    "summary.reconnects": "Reconnects",
    "summary.device": "Device",
    "summary.ended": "Ended at",
    "summary.status": "Answer",

    "settings.title": "Settings",
    "settings.name": "Your name",
    "settings.name.help":
      "Devices decide by this name whether you may call. Letters, digits, dot, dash and underscore.",
    "settings.name.invalid":
      "Begin with a letter or a digit; then letters, digits, dot, dash and underscore, 64 at most.",
    "settings.name.fixed": "Your name is set by whoever runs this page.",
    "settings.ring": "Ring when a device calls",
    "settings.camera": "Turn my camera on when a call begins",
    "settings.save": "Save",
    "settings.cancel": "Cancel",
    "settings.close": "Close the settings",

    "notice.dismiss": "Dismiss",
    "microphone.denied":
      "The browser may not use the microphone, so the other side cannot hear you. Allow it beside the address to talk.",
    "microphone.missing": "No microphone was found. You can see and listen; the other side cannot hear you.",
    "microphone.in_use": "Another program holds the microphone, so the other side cannot hear you.",
    "microphone.insecure":
      "Browsers give a microphone only to pages opened with https or from this computer itself, so you can only listen.",
    "microphone.ended": "The microphone was unplugged. The other side no longer hears you.",
    "camera.denied": "The browser may not use the camera. Allow it beside the address to be seen.",
    "camera.missing": "No camera was found on this computer.",
    "camera.in_use": "Another program holds the camera.",
    "camera.insecure": "Browsers give a camera only to pages opened with https or from this computer itself.",
    "camera.ended": "The camera was unplugged.",

    "error.config": "The settings of this page could not be read. Is the server that it came from still running?",
    "error.library": "A part of this page is missing (MQTT.js). Whoever built it must build it again.",
    "error.webrtc": "This browser has no WebRTC, so it cannot make video calls. Any current browser can.",
    "error.broker": "The server for calls cannot be reached. Trying again…",
    "error.authorization": "The server for calls does not accept this name or its password.",
    "error.fullscreen": "This browser does not allow full screen here.",

    "end.user_hangup.local": "You hung up.",
    "end.user_hangup.remote": "{name} hung up.",
    "end.cancelled.local": "You cancelled the call before it was answered.",
    "end.cancelled.remote": "{name} gave up before you answered.",
    "end.rejected.local": "You declined the call from {name}.",
    "end.rejected.remote": "{name} declined the call.",
    "end.rejected.not_allowed":
      "{name} does not take calls from you at this time. Its rules decide; ask whoever looks after it.",
    "end.rejected.rate_limited": "You called {name} too often in a short time. Wait a minute, then try again.",
    "end.rejected.no_common_codec": "{name} sends H.264 video, which this browser cannot show. Try another browser.",
    "end.rejected.conversation_in_use": "{name} mixed this call up with another one. Please call again.",
    "end.rejected.signature": "{name} takes only signed calls, and this page has no key for it.",
    "end.rejected.unavailable": "Nobody can take a call at {name} right now.",
    "end.rejected.setup_timeout": "{name} took too long to start its camera. Try again in a moment.",
    "end.rejected.privacy_mode": "{name} is in privacy mode: its camera stays off.",
    "end.rejected.low_power": "{name} is low on power and takes no calls.",
    "end.rejected.out_of_resources": "{name} has no room for another call right now.",
    "end.rejected.shutdown": "{name} is shutting down.",
    "end.rejected.other": "{name} declined the call ({reason}).",
    "end.user_busy": "{name} is in another call. Try again in a moment.",
    "end.invite_timeout.outgoing": "Nobody answered at {name}.",
    "end.invite_timeout.incoming": "You missed a call from {name}.",
    "end.invite_timeout.expired":
      "The clock of this computer is so wrong that {name} took the call for an old one. Set the clock and call again.",
    "end.invite_timeout.broker": "The call never got out: the server for calls could not be reached.",
    "end.answered_elsewhere": "The call from {name} was answered on another device.",
    "end.replaced": "Another call took the place of this one.",
    "end.ice_failed":
      "Picture and sound found no way between you and {name}. A firewall may be in between; a relay (TURN server) would help.",
    "end.ice_timeout": "The connection to {name} was lost and did not come back.",
    "end.media_timeout": "The connection to {name} stood, yet no picture or sound arrived.",
    "end.no_user_media": "{name} could not open its camera or microphone.",
    "end.out_of_resources": "{name} ran out of memory or processing power.",
    "end.low_power": "{name} ended the call because it is low on power.",
    "end.privacy_mode": "{name} went into privacy mode and ended the call.",
    "end.max_duration": "The call reached the longest time that {name} allows.",
    "end.shutdown": "{name} is shutting down or restarting.",
    "end.crash_recovered": "{name} restarted unexpectedly during the call.",
    "end.unknown_reason": "The call with {name} ended for a reason that it did not tell.",
    "end.local_failure": "This browser could not set the call up.",
  },
  zh: {
    "app.tagline": "看看是谁",
    "app.skip": "跳到设备列表",
    "app.language": "English",
    "app.language.label": "English: switch to English",
    "app.settings": "设置",

    "connection.connecting": "正在连接",
    "connection.connected": "已连接",
    "connection.reconnecting": "正在重新连接",
    "connection.stopped": "未连接",

    "devices.title": "设备",
    "devices.empty": "还没有设备上线。设备上线后会自动出现在这里。",
    "devices.searching": "正在查找设备…",
    "devices.call": "呼叫",
    "devices.call.label": "呼叫 {name}",
    "devices.online": "在线",
    "devices.busy": "通话中",
    "devices.offline": "离线",
    "devices.yours": "正与您通话",

    "stage.label": "通话",
    "stage.idle.title": "想看看哪台设备？",
    "stage.idle.text": "选择一台设备，然后点“呼叫”。",
    "stage.video.label": "{name} 的画面",
    "stage.self.label": "您自己的摄像头",
    "stage.inviting": "正在呼叫…",
    "stage.ringing": "正在响铃，等待对方接听。",
    "stage.connecting": "正在接通…",
    "stage.connected": "实时",
    "stage.degraded": "正在恢复连接…",
    "stage.direct": "直连",
    "stage.relayed": "中继",
    "stage.path.label": "线路：{path}，本端 {local}，对端 {remote}",
    "stage.play": "打开声音",

    "control.hangup": "挂断",
    "control.mute": "麦克风静音",
    "control.unmute": "取消麦克风静音",
    "control.microphone.none": "没有麦克风",
    "control.camera.on": "打开您的摄像头",
    "control.camera.off": "关闭您的摄像头",
    "control.fullscreen": "全屏",
    "control.fullscreen.exit": "退出全屏",

    "incoming.title": "{name} 来电",
    "incoming.text": "接听后即可看到画面并通话。",
    "incoming.accept": "接听",
    "incoming.reject": "拒绝",
    "incoming.snapshot": "{name} 的快照",
    "incoming.missed": "未接来电",

    "plots.title": "当前状态",
    "plots.bitrate": "码率",
    "plots.framerate": "帧率",
    "plots.roundtrip": "往返时延",
    "plots.loss": "丢包",
    "plots.label": "{name}：{value}",
    "plots.details": "全部测量值",
    "plots.local": "发送",
    "plots.remote": "接收",
    "plots.none": "还没有测量值。",

    "summary.again": "重拨",
    "summary.copy": "复制记录",
    "summary.copied": "已复制",
    "summary.dismiss": "关闭",
    "summary.title": "上一次通话",
    "summary.duration": "时长",
    "summary.setup": "首帧用时",
    "summary.path": "线路",
    "summary.picture": "画面",
    "summary.received": "已接收",
    "summary.sent": "已发送",
    "summary.loss": "丢包数",
    "summary.roundtrip": "往返时延",
    "summary.reconnects": "重新连接",
    "summary.device": "设备",
    "summary.ended": "结束时间",
    "summary.status": "应答",

    "settings.title": "设置",
    "settings.name": "您的名称",
    "settings.name.help": "设备根据这个名称决定您能否呼叫。可用字母、数字、点、横线和下划线。",
    "settings.name.invalid": "请以字母或数字开头，只用字母、数字、点、横线和下划线，最多 64 个字符。",
    "settings.name.fixed": "您的名称由本页面的管理者设定。",
    "settings.ring": "设备来电时响铃",
    "settings.camera": "通话开始时打开我的摄像头",
    "settings.save": "保存",
    "settings.cancel": "取消",
    "settings.close": "关闭设置",

    "notice.dismiss": "关闭提示",
    "microphone.denied": "浏览器没有麦克风权限，对方听不到您。请在地址栏旁允许使用麦克风。",
    "microphone.missing": "没有找到麦克风。您可以看和听，但对方听不到您。",
    "microphone.in_use": "麦克风正被其他程序占用，对方听不到您。",
    "microphone.insecure": "浏览器只允许 https 页面或本机页面使用麦克风，因此您只能收听。",
    "microphone.ended": "麦克风已断开，对方听不到您了。",
    "camera.denied": "浏览器没有摄像头权限。请在地址栏旁允许使用摄像头。",
    "camera.missing": "这台电脑上没有找到摄像头。",
    "camera.in_use": "摄像头正被其他程序占用。",
    "camera.insecure": "浏览器只允许 https 页面或本机页面使用摄像头。",
    "camera.ended": "摄像头已断开。",

    "error.config": "无法读取本页面的配置。提供本页面的服务器还在运行吗？",
    "error.library": "本页面缺少一个组件（MQTT.js），需要由构建者重新构建。",
    "error.webrtc": "这个浏览器不支持 WebRTC，无法进行视频通话。请使用较新的浏览器。",
    "error.broker": "无法连接呼叫服务器，正在重试…",
    "error.authorization": "呼叫服务器不接受这个名称或密码。",
    "error.fullscreen": "这个浏览器不允许在此全屏。",

    "end.user_hangup.local": "您已挂断。",
    "end.user_hangup.remote": "{name} 已挂断。",
    "end.cancelled.local": "您在对方接听前取消了呼叫。",
    "end.cancelled.remote": "{name} 在您接听前取消了呼叫。",
    "end.rejected.local": "您拒绝了 {name} 的来电。",
    "end.rejected.remote": "{name} 拒绝了呼叫。",
    "end.rejected.not_allowed": "{name} 此时不接受您的呼叫。这由它的规则决定，请联系设备管理者。",
    "end.rejected.rate_limited": "您在短时间内呼叫 {name} 的次数太多。请等一分钟再试。",
    "end.rejected.no_common_codec": "{name} 发送 H.264 视频，而这个浏览器无法播放。请换一个浏览器。",
    "end.rejected.conversation_in_use": "{name} 把这次呼叫与另一次混淆了，请重新呼叫。",
    "end.rejected.signature": "{name} 只接受签名的呼叫，而本页面没有相应的密钥。",
    "end.rejected.unavailable": "{name} 现在无人可以接听。",
    "end.rejected.setup_timeout": "{name} 启动摄像头的时间太长。请稍后再试。",
    "end.rejected.privacy_mode": "{name} 处于隐私模式，摄像头保持关闭。",
    "end.rejected.low_power": "{name} 电量不足，不接受呼叫。",
    "end.rejected.out_of_resources": "{name} 现在无法再接一路通话。",
    "end.rejected.shutdown": "{name} 正在关机。",
    "end.rejected.other": "{name} 拒绝了呼叫（{reason}）。",
    "end.user_busy": "{name} 正在另一次通话中。请稍后再试。",
    "end.invite_timeout.outgoing": "{name} 无人接听。",
    "end.invite_timeout.incoming": "您错过了 {name} 的来电。",
    "end.invite_timeout.expired": "这台电脑的时钟偏差太大，{name} 把这次呼叫当成了旧的呼叫。请校准时钟后再呼叫。",
    "end.invite_timeout.broker": "呼叫没有发出：无法连接呼叫服务器。",
    "end.answered_elsewhere": "{name} 的来电已在另一台设备上接听。",
    "end.replaced": "这次通话被另一次通话取代。",
    "end.ice_failed": "您与 {name} 之间无法建立音视频连接。中间可能有防火墙；使用中继（TURN 服务器）会有帮助。",
    "end.ice_timeout": "与 {name} 的连接中断，未能恢复。",
    "end.media_timeout": "与 {name} 的连接已建立，但没有收到画面或声音。",
    "end.no_user_media": "{name} 无法打开摄像头或麦克风。",
    "end.out_of_resources": "{name} 的内存或处理能力不足。",
    "end.low_power": "{name} 因电量不足结束了通话。",
    "end.privacy_mode": "{name} 进入隐私模式，通话已结束。",
    "end.max_duration": "通话已达到 {name} 允许的最长时间。",
    "end.shutdown": "{name} 正在关机或重新启动。",
    "end.crash_recovered": "{name} 在通话中意外重启。",
    "end.unknown_reason": "与 {name} 的通话已结束，对方没有说明原因。",
    "end.local_failure": "这个浏览器无法建立通话。",
  },
};

const STORED = "callbox.language";
let language = "en";

/** The language in use, as a BCP 47 tag. */
export const currentLanguage = () => language;

/**
 * The text of `key`, with its `{names}` filled in.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function translate(key, values = {}) {
  const text = TEXTS[language][key] ?? TEXTS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Chinese where the person or the browser prefers it, else English.
 * @param {readonly string[]} preferred
 * @param {string | null} [stored]
 */
export function chooseLanguage(preferred, stored = null) {
  if (stored && stored in TEXTS) return stored;
  const first = preferred.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag in TEXTS);
  return first ?? "en";
}

/**
 * Takes the language over and writes every marked text of the document.
 * @param {string} chosen
 * @param {{ store?: boolean }} [options]
 */
export function setLanguage(chosen, { store = false } = {}) {
  language = chosen;
  if (store) localStorage.setItem(STORED, chosen);
  document.documentElement.lang = chosen === "zh" ? "zh-Hans" : chosen;
  for (const element of document.querySelectorAll("[data-i18n]")) {
    element.textContent = translate(element.getAttribute("data-i18n") ?? "");
  }
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", translate(element.getAttribute("data-i18n-label") ?? ""));
  }
}

export const startLanguage = () => chooseLanguage(navigator.languages, localStorage.getItem(STORED));
