"""ARI's models, events and operations as Asterisk describes them. GENERATED: do not edit.

    From Asterisk 22.10.1.
    Regenerate: python -m bridge.ari.generate http://USER:PASSWORD@HOST:8088/ari

Owns names and types only. Fields that Asterisk may leave out are None; unknown fields are ignored.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

import msgspec

# ISO 8601, the offset without a colon (2026-11-23T10:00:00.000+0000): kept as sent.
Date = str


class Operation(NamedTuple):
    """One request that ARI knows. The tuples hold names of parameters, ``errors`` the documented statuses."""

    method: str
    path: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    asterisk_id: str | None = None


class Event(Message, frozen=True, kw_only=True):
    application: str
    timestamp: Date


class AdditionalParam(msgspec.Struct, frozen=True, kw_only=True):
    parameter_name: str
    parameter_value: str


class Application(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    channel_ids: list[str]
    bridge_ids: list[str]
    endpoint_ids: list[str]
    device_names: list[str]
    events_allowed: list[dict[str, Any]]
    events_disallowed: list[dict[str, Any]]


class ApplicationMoveFailed(Event, frozen=True, kw_only=True):
    channel: Channel
    destination: str
    args: list[str]


class ApplicationRegistered(Event, frozen=True, kw_only=True):
    pass


class ApplicationReplaced(Event, frozen=True, kw_only=True):
    pass


class ApplicationUnregistered(Event, frozen=True, kw_only=True):
    pass


class AsteriskInfo(msgspec.Struct, frozen=True, kw_only=True):
    build: BuildInfo | None = None
    system: SystemInfo | None = None
    config: ConfigInfo | None = None
    status: StatusInfo | None = None


class AsteriskPing(msgspec.Struct, frozen=True, kw_only=True):
    asterisk_id: str
    ping: str
    timestamp: str


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    technology: str
    bridge_type: str
    bridge_class: str
    creator: str
    name: str
    channels: list[str]
    video_mode: str | None = None
    video_source_id: str | None = None
    creationtime: Date
    bridgevars: dict[str, Any] | None = None


class BridgeAttendedTransfer(Event, frozen=True, kw_only=True):
    transferer_first_leg: Channel
    transferer_second_leg: Channel
    replace_channel: Channel | None = None
    transferee: Channel | None = None
    transfer_target: Channel | None = None
    result: str
    is_external: bool
    transferer_first_leg_bridge: Bridge | None = None
    transferer_second_leg_bridge: Bridge | None = None
    destination_type: str
    destination_bridge: str | None = None
    destination_application: str | None = None
    destination_link_first_leg: Channel | None = None
    destination_link_second_leg: Channel | None = None
    destination_threeway_channel: Channel | None = None
    destination_threeway_bridge: Bridge | None = None


class BridgeBlindTransfer(Event, frozen=True, kw_only=True):
    channel: Channel
    replace_channel: Channel | None = None
    transferee: Channel | None = None
    exten: str
    context: str
    result: str
    is_external: bool
    bridge: Bridge | None = None


class BridgeCreated(Event, frozen=True, kw_only=True):
    bridge: Bridge


class BridgeDestroyed(Event, frozen=True, kw_only=True):
    bridge: Bridge


class BridgeMerged(Event, frozen=True, kw_only=True):
    bridge: Bridge
    bridge_from: Bridge


class BridgeVideoSourceChanged(Event, frozen=True, kw_only=True):
    bridge: Bridge
    old_video_source_id: str | None = None


class BuildInfo(msgspec.Struct, frozen=True, kw_only=True):
    os: str
    kernel: str
    options: str
    machine: str
    date: str
    user: str


class CallBroadcast(Event, frozen=True, kw_only=True):
    channel: Channel
    caller: str | None = None
    called: str | None = None


class CallClaimed(Event, frozen=True, kw_only=True):
    channel: Channel
    winner_app: str


class CallerID(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    number: str


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    protocol_id: str
    name: str
    state: str
    caller: CallerID
    connected: CallerID
    accountcode: str
    dialplan: DialplanCEP
    creationtime: Date
    language: str
    channelvars: dict[str, Any] | None = None
    caller_rdnis: str | None = None
    tenantid: str | None = None


class ChannelCallerId(Event, frozen=True, kw_only=True):
    caller_presentation: int
    caller_presentation_txt: str
    channel: Channel


class ChannelConnectedLine(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelCreated(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelDestroyed(Event, frozen=True, kw_only=True):
    cause: int
    cause_txt: str
    tech_cause: int | None = None
    channel: Channel


class ChannelDialplan(Event, frozen=True, kw_only=True):
    channel: Channel
    dialplan_app: str
    dialplan_app_data: str


class ChannelDtmfReceived(Event, frozen=True, kw_only=True):
    digit: str
    duration_ms: int
    channel: Channel


class ChannelEnteredBridge(Event, frozen=True, kw_only=True):
    bridge: Bridge
    channel: Channel | None = None


class ChannelHangupRequest(Event, frozen=True, kw_only=True):
    cause: int | None = None
    tech_cause: int | None = None
    soft: bool | None = None
    channel: Channel


class ChannelHold(Event, frozen=True, kw_only=True):
    channel: Channel
    musicclass: str | None = None


class ChannelLeftBridge(Event, frozen=True, kw_only=True):
    bridge: Bridge
    channel: Channel


class ChannelStateChange(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelTalkingFinished(Event, frozen=True, kw_only=True):
    channel: Channel
    duration: int


class ChannelTalkingStarted(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelToneDetected(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelTransfer(Event, frozen=True, kw_only=True):
    state: str | None = None
    refer_to: ReferTo
    referred_by: ReferredBy


class ChannelUnhold(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelUserevent(Event, frozen=True, kw_only=True):
    eventname: str
    channel: Channel | None = None
    bridge: Bridge | None = None
    endpoint: Endpoint | None = None
    userevent: dict[str, Any]


class ChannelVarset(Event, frozen=True, kw_only=True):
    variable: str
    value: str
    channel: Channel | None = None


class ConfigInfo(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    default_language: str
    max_channels: int | None = None
    max_open_files: int | None = None
    max_load: float | None = None
    setid: SetId


class ConfigTuple(msgspec.Struct, frozen=True, kw_only=True):
    attribute: str
    value: str


class ContactInfo(msgspec.Struct, frozen=True, kw_only=True):
    uri: str
    contact_status: str
    aor: str
    roundtrip_usec: str | None = None


class ContactStatusChange(Event, frozen=True, kw_only=True):
    endpoint: Endpoint
    contact_info: ContactInfo


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    state: str


class DeviceStateChanged(Event, frozen=True, kw_only=True):
    device_state: DeviceState


class Dial(Event, frozen=True, kw_only=True):
    caller: Channel | None = None
    peer: Channel
    forward: str | None = None
    forwarded: Channel | None = None
    dialstring: str | None = None
    dialstatus: str


class Dialed(msgspec.Struct, frozen=True, kw_only=True):
    pass


class DialplanCEP(msgspec.Struct, frozen=True, kw_only=True):
    context: str
    exten: str
    priority: int
    app_name: str
    app_data: str


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    technology: str
    resource: str
    state: str | None = None
    channel_ids: list[str]


class EndpointStateChange(Event, frozen=True, kw_only=True):
    endpoint: Endpoint


class FormatLangPair(msgspec.Struct, frozen=True, kw_only=True):
    language: str
    format: str


class LiveRecording(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    format: str
    target_uri: str
    state: str
    duration: int | None = None
    talking_duration: int | None = None
    silence_duration: int | None = None
    cause: str | None = None


class LogChannel(msgspec.Struct, frozen=True, kw_only=True):
    channel: str
    type: str
    status: str
    configuration: str


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    old_messages: int
    new_messages: int


class MissingParams(Message, frozen=True, kw_only=True):
    params: list[str]


class Module(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str
    use_count: int
    status: str
    support_level: str


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    peer_status: str
    cause: str | None = None
    address: str | None = None
    port: str | None = None
    time: str | None = None


class PeerStatusChange(Event, frozen=True, kw_only=True):
    endpoint: Endpoint
    peer: Peer


class Playback(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    media_uri: str
    next_media_uri: str | None = None
    target_uri: str
    language: str | None = None
    state: str


class PlaybackContinuing(Event, frozen=True, kw_only=True):
    playback: Playback


class PlaybackFinished(Event, frozen=True, kw_only=True):
    playback: Playback


class PlaybackStarted(Event, frozen=True, kw_only=True):
    playback: Playback


class RESTHeader(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    value: str


class RESTQueryStringParameter(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    value: str


class RESTRequest(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    transaction_id: str
    request_id: str
    method: str
    uri: str
    content_type: str | None = None
    query_strings: list[RESTQueryStringParameter] | None = None
    message_body: str | None = None


class RESTResponse(Event, frozen=True, kw_only=True):
    transaction_id: str
    request_id: str
    status_code: int
    reason_phrase: str
    uri: str
    content_type: str | None = None
    message_body: str | None = None


class RTPstat(msgspec.Struct, frozen=True, kw_only=True):
    txcount: int
    rxcount: int
    txjitter: float | None = None
    rxjitter: float | None = None
    remote_maxjitter: float | None = None
    remote_minjitter: float | None = None
    remote_normdevjitter: float | None = None
    remote_stdevjitter: float | None = None
    local_maxjitter: float | None = None
    local_minjitter: float | None = None
    local_normdevjitter: float | None = None
    local_stdevjitter: float | None = None
    txploss: int
    rxploss: int
    remote_maxrxploss: float | None = None
    remote_minrxploss: float | None = None
    remote_normdevrxploss: float | None = None
    remote_stdevrxploss: float | None = None
    local_maxrxploss: float | None = None
    local_minrxploss: float | None = None
    local_normdevrxploss: float | None = None
    local_stdevrxploss: float | None = None
    rtt: float | None = None
    maxrtt: float | None = None
    minrtt: float | None = None
    normdevrtt: float | None = None
    stdevrtt: float | None = None
    local_ssrc: int
    remote_ssrc: int
    txoctetcount: int
    rxoctetcount: int
    channel_uniqueid: str


class RecordingFailed(Event, frozen=True, kw_only=True):
    recording: LiveRecording


class RecordingFinished(Event, frozen=True, kw_only=True):
    recording: LiveRecording


class RecordingStarted(Event, frozen=True, kw_only=True):
    recording: LiveRecording


class ReferTo(msgspec.Struct, frozen=True, kw_only=True):
    requested_destination: RequiredDestination
    destination_channel: Channel | None = None
    connected_channel: Channel | None = None
    bridge: Bridge | None = None


class ReferredBy(msgspec.Struct, frozen=True, kw_only=True):
    source_channel: Channel
    connected_channel: Channel | None = None
    bridge: Bridge | None = None


class RequiredDestination(msgspec.Struct, frozen=True, kw_only=True):
    protocol_id: str | None = None
    destination: str | None = None
    additional_protocol_params: list[AdditionalParam] | None = None


class SetId(msgspec.Struct, frozen=True, kw_only=True):
    user: str
    group: str


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    text: str | None = None
    formats: list[FormatLangPair]


class StasisEnd(Event, frozen=True, kw_only=True):
    channel: Channel


class StasisStart(Event, frozen=True, kw_only=True):
    args: list[str]
    channel: Channel
    replace_channel: Channel | None = None


class StatusInfo(msgspec.Struct, frozen=True, kw_only=True):
    startup_time: Date
    last_reload_time: Date


class StoredRecording(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    format: str


class SystemInfo(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    entity_id: str


class TextMessage(msgspec.Struct, frozen=True, kw_only=True):
    from_: str = msgspec.field(name="from")
    to: str
    body: str
    variables: dict[str, Any] | None = None


class TextMessageReceived(Event, frozen=True, kw_only=True):
    message: TextMessage
    endpoint: Endpoint | None = None


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    value: str


class Variables(msgspec.Struct, frozen=True, kw_only=True):
    variables: dict[str, Any]


AnyEvent = (
    ApplicationMoveFailed
    | ApplicationRegistered
    | ApplicationReplaced
    | ApplicationUnregistered
    | BridgeAttendedTransfer
    | BridgeBlindTransfer
    | BridgeCreated
    | BridgeDestroyed
    | BridgeMerged
    | BridgeVideoSourceChanged
    | CallBroadcast
    | CallClaimed
    | ChannelCallerId
    | ChannelConnectedLine
    | ChannelCreated
    | ChannelDestroyed
    | ChannelDialplan
    | ChannelDtmfReceived
    | ChannelEnteredBridge
    | ChannelHangupRequest
    | ChannelHold
    | ChannelLeftBridge
    | ChannelStateChange
    | ChannelTalkingFinished
    | ChannelTalkingStarted
    | ChannelToneDetected
    | ChannelTransfer
    | ChannelUnhold
    | ChannelUserevent
    | ChannelVarset
    | ContactStatusChange
    | DeviceStateChanged
    | Dial
    | EndpointStateChange
    | MissingParams
    | PeerStatusChange
    | PlaybackContinuing
    | PlaybackFinished
    | PlaybackStarted
    | RESTResponse
    | RecordingFailed
    | RecordingFinished
    | RecordingStarted
    | StasisEnd
    | StasisStart
    | TextMessageReceived
)

EVENT_TYPES: frozenset[str] = frozenset(one.__name__ for one in get_args(AnyEvent))


OPERATIONS: dict[str, Operation] = {
    "applications.filter": Operation("PUT", "/applications/{applicationName}/eventFilter", body=("filter",), errors=(400, 404)),
    "applications.get": Operation("GET", "/applications/{applicationName}", errors=(404,)),
    "applications.list": Operation("GET", "/applications"),
    "applications.subscribe": Operation("POST", "/applications/{applicationName}/subscription", required=("eventSource",), errors=(400, 404, 422)),
    "applications.unsubscribe": Operation("DELETE", "/applications/{applicationName}/subscription", required=("eventSource",), errors=(400, 404, 409, 422)),
    "asterisk.addLog": Operation("POST", "/asterisk/logging/{logChannelName}", required=("configuration",), errors=(400, 409)),
    "asterisk.deleteLog": Operation("DELETE", "/asterisk/logging/{logChannelName}", errors=(404,)),
    "asterisk.deleteObject": Operation("DELETE", "/asterisk/config/dynamic/{configClass}/{objectType}/{id}", errors=(403, 404)),
    "asterisk.getGlobalVar": Operation("GET", "/asterisk/variable", required=("variable",), errors=(400,)),
    "asterisk.getInfo": Operation("GET", "/asterisk/info", optional=("only",)),
    "asterisk.getModule": Operation("GET", "/asterisk/modules/{moduleName}", errors=(404, 409)),
    "asterisk.getObject": Operation("GET", "/asterisk/config/dynamic/{configClass}/{objectType}/{id}", errors=(404,)),
    "asterisk.listLogChannels": Operation("GET", "/asterisk/logging"),
    "asterisk.listModules": Operation("GET", "/asterisk/modules"),
    "asterisk.loadModule": Operation("POST", "/asterisk/modules/{moduleName}", errors=(409,)),
    "asterisk.ping": Operation("GET", "/asterisk/ping"),
    "asterisk.reloadModule": Operation("PUT", "/asterisk/modules/{moduleName}", errors=(404, 409)),
    "asterisk.rotateLog": Operation("PUT", "/asterisk/logging/{logChannelName}/rotate", errors=(404,)),
    "asterisk.setGlobalVar": Operation("POST", "/asterisk/variable", required=("variable",), optional=("value",), errors=(400,)),
    "asterisk.unloadModule": Operation("DELETE", "/asterisk/modules/{moduleName}", errors=(404, 409)),
    "asterisk.updateObject": Operation("PUT", "/asterisk/config/dynamic/{configClass}/{objectType}/{id}", body=("fields",), errors=(400, 403, 404)),
    "bridges.addChannel": Operation("POST", "/bridges/{bridgeId}/addChannel", required=("channel",), optional=("role", "absorbDTMF", "mute", "inhibitConnectedLineUpdates"), errors=(400, 404, 409, 422)),
    "bridges.clearVideoSource": Operation("DELETE", "/bridges/{bridgeId}/videoSource", errors=(404,)),
    "bridges.create": Operation("POST", "/bridges", optional=("type", "bridgeId", "name"), body=("variables",), errors=(409,)),
    "bridges.createWithId": Operation("POST", "/bridges/{bridgeId}", optional=("type", "name"), body=("variables",), errors=(409,)),
    "bridges.destroy": Operation("DELETE", "/bridges/{bridgeId}", errors=(404,)),
    "bridges.get": Operation("GET", "/bridges/{bridgeId}", errors=(404,)),
    "bridges.getBridgeVar": Operation("GET", "/bridges/{bridgeId}/variable", required=("variable",), errors=(400, 404, 409)),
    "bridges.getBridgeVars": Operation("GET", "/bridges/{bridgeId}/variables", required=("variables",), errors=(400, 404, 409)),
    "bridges.list": Operation("GET", "/bridges"),
    "bridges.play": Operation("POST", "/bridges/{bridgeId}/play", required=("media",), optional=("announcer_format", "lang", "offsetms", "skipms", "playbackId"), errors=(404, 409, 422)),
    "bridges.playWithId": Operation("POST", "/bridges/{bridgeId}/play/{playbackId}", required=("media",), optional=("announcer_format", "lang", "offsetms", "skipms"), errors=(404, 409, 422)),
    "bridges.record": Operation("POST", "/bridges/{bridgeId}/record", required=("name", "format"), optional=("recorder_format", "maxDurationSeconds", "maxSilenceSeconds", "ifExists", "beep", "terminateOn"), errors=(400, 404, 409, 422)),
    "bridges.removeChannel": Operation("POST", "/bridges/{bridgeId}/removeChannel", required=("channel",), errors=(400, 404, 409, 422)),
    "bridges.setBridgeVar": Operation("POST", "/bridges/{bridgeId}/variable", required=("variable",), optional=("value", "report_events"), errors=(400, 404, 409)),
    "bridges.setBridgeVars": Operation("POST", "/bridges/{bridgeId}/variables", body=("variables",), errors=(400, 404, 409)),
    "bridges.setVideoSource": Operation("POST", "/bridges/{bridgeId}/videoSource/{channelId}", errors=(404, 409, 422)),
    "bridges.startMoh": Operation("POST", "/bridges/{bridgeId}/moh", optional=("mohClass",), errors=(404, 409)),
    "bridges.stopMoh": Operation("DELETE", "/bridges/{bridgeId}/moh", errors=(404, 409)),
    "channels.answer": Operation("POST", "/channels/{channelId}/answer", errors=(404, 409, 412)),
    "channels.continueInDialplan": Operation("POST", "/channels/{channelId}/continue", optional=("context", "extension", "priority", "label"), errors=(404, 409, 412)),
    "channels.create": Operation("POST", "/channels/create", required=("endpoint", "app"), optional=("appArgs", "channelId", "otherChannelId", "originator", "formats"), body=("variables",), errors=(409,)),
    "channels.dial": Operation("POST", "/channels/{channelId}/dial", optional=("caller", "timeout"), errors=(404, 409)),
    "channels.externalMedia": Operation("POST", "/channels/externalMedia", required=("app", "format"), optional=("channelId", "external_host", "encapsulation", "transport", "connection_type", "direction", "data", "transport_data"), body=("variables",), errors=(400, 409)),
    "channels.get": Operation("GET", "/channels/{channelId}", errors=(404,)),
    "channels.getChannelVar": Operation("GET", "/channels/{channelId}/variable", required=("variable",), errors=(400, 404, 409)),
    "channels.getChannelVars": Operation("GET", "/channels/{channelId}/variables", required=("variables",), errors=(400, 404, 409)),
    "channels.hangup": Operation("DELETE", "/channels/{channelId}", optional=("reason_code", "reason"), errors=(400, 404)),
    "channels.hold": Operation("POST", "/channels/{channelId}/hold", errors=(404, 409, 412)),
    "channels.list": Operation("GET", "/channels"),
    "channels.move": Operation("POST", "/channels/{channelId}/move", required=("app",), optional=("appArgs",), errors=(404, 409)),
    "channels.mute": Operation("POST", "/channels/{channelId}/mute", optional=("direction",), errors=(404, 409, 412)),
    "channels.originate": Operation("POST", "/channels", required=("endpoint",), optional=("extension", "context", "priority", "label", "app", "appArgs", "callerId", "timeout", "channelId", "otherChannelId", "originator", "formats"), body=("variables",), errors=(400, 409)),
    "channels.originateWithId": Operation("POST", "/channels/{channelId}", required=("endpoint",), optional=("extension", "context", "priority", "label", "app", "appArgs", "callerId", "timeout", "otherChannelId", "originator", "formats"), body=("variables",), errors=(400, 409)),
    "channels.play": Operation("POST", "/channels/{channelId}/play", required=("media",), optional=("lang", "offsetms", "skipms", "playbackId"), errors=(404, 409, 412)),
    "channels.playWithId": Operation("POST", "/channels/{channelId}/play/{playbackId}", required=("media",), optional=("lang", "offsetms", "skipms"), errors=(404, 409, 412)),
    "channels.progress": Operation("POST", "/channels/{channelId}/progress", errors=(404, 409, 412)),
    "channels.record": Operation("POST", "/channels/{channelId}/record", required=("name", "format"), optional=("maxDurationSeconds", "maxSilenceSeconds", "ifExists", "beep", "terminateOn"), errors=(400, 404, 409, 422)),
    "channels.redirect": Operation("POST", "/channels/{channelId}/redirect", required=("endpoint",), errors=(400, 404, 409, 412, 422)),
    "channels.ring": Operation("POST", "/channels/{channelId}/ring", errors=(404, 409, 412)),
    "channels.ringStop": Operation("DELETE", "/channels/{channelId}/ring", errors=(404, 409, 412)),
    "channels.rtpstatistics": Operation("GET", "/channels/{channelId}/rtp_statistics", errors=(404,)),
    "channels.sendDTMF": Operation("POST", "/channels/{channelId}/dtmf", optional=("dtmf", "before", "between", "duration", "after"), errors=(400, 404, 409, 412)),
    "channels.setChannelVar": Operation("POST", "/channels/{channelId}/variable", required=("variable",), optional=("value", "report_events"), errors=(400, 404, 409)),
    "channels.setChannelVars": Operation("POST", "/channels/{channelId}/variables", body=("variables",), errors=(400, 404, 409)),
    "channels.snoopChannel": Operation("POST", "/channels/{channelId}/snoop", required=("app",), optional=("spy", "whisper", "appArgs", "snoopId"), errors=(400, 404)),
    "channels.snoopChannelWithId": Operation("POST", "/channels/{channelId}/snoop/{snoopId}", required=("app",), optional=("spy", "whisper", "appArgs"), errors=(400, 404)),
    "channels.startMoh": Operation("POST", "/channels/{channelId}/moh", optional=("mohClass",), errors=(404, 409, 412)),
    "channels.startSilence": Operation("POST", "/channels/{channelId}/silence", errors=(404, 409, 412)),
    "channels.stopMoh": Operation("DELETE", "/channels/{channelId}/moh", errors=(404, 409, 412)),
    "channels.stopSilence": Operation("DELETE", "/channels/{channelId}/silence", errors=(404, 409, 412)),
    "channels.transfer_progress": Operation("POST", "/channels/{channelId}/transfer_progress", required=("states",), errors=(400, 404, 409, 412)),
    "channels.unhold": Operation("DELETE", "/channels/{channelId}/hold", errors=(404, 409, 412)),
    "channels.unmute": Operation("DELETE", "/channels/{channelId}/mute", optional=("direction",), errors=(404, 409, 412)),
    "deviceStates.delete": Operation("DELETE", "/deviceStates/{deviceName}", errors=(404, 409)),
    "deviceStates.get": Operation("GET", "/deviceStates/{deviceName}"),
    "deviceStates.list": Operation("GET", "/deviceStates"),
    "deviceStates.update": Operation("PUT", "/deviceStates/{deviceName}", required=("deviceState",), errors=(404, 409)),
    "endpoints.get": Operation("GET", "/endpoints/{tech}/{resource}", errors=(400, 404)),
    "endpoints.list": Operation("GET", "/endpoints"),
    "endpoints.listByTech": Operation("GET", "/endpoints/{tech}", errors=(404,)),
    "endpoints.refer": Operation("POST", "/endpoints/refer", required=("to", "from", "refer_to"), optional=("to_self",), body=("variables",), errors=(400, 404)),
    "endpoints.referToEndpoint": Operation("POST", "/endpoints/{tech}/{resource}/refer", required=("from", "refer_to"), optional=("to_self",), body=("variables",), errors=(400, 404)),
    "endpoints.sendMessage": Operation("PUT", "/endpoints/sendMessage", required=("to", "from"), optional=("body",), body=("variables",), errors=(400, 404)),
    "endpoints.sendMessageToEndpoint": Operation("PUT", "/endpoints/{tech}/{resource}/sendMessage", required=("from",), optional=("body",), body=("variables",), errors=(400, 404)),
    "events.claimChannel": Operation("POST", "/events/claim", required=("channelId", "application"), errors=(404, 409)),
    "events.eventWebsocket": Operation("GET", "/events", required=("app",), optional=("subscribeAll",)),
    "events.userEvent": Operation("POST", "/events/user/{eventName}", required=("application",), optional=("source",), body=("variables",), errors=(400, 404, 422)),
    "mailboxes.delete": Operation("DELETE", "/mailboxes/{mailboxName}", errors=(404,)),
    "mailboxes.get": Operation("GET", "/mailboxes/{mailboxName}", errors=(404,)),
    "mailboxes.list": Operation("GET", "/mailboxes"),
    "mailboxes.update": Operation("PUT", "/mailboxes/{mailboxName}", required=("oldMessages", "newMessages"), errors=(404,)),
    "playbacks.control": Operation("POST", "/playbacks/{playbackId}/control", required=("operation",), errors=(400, 404, 409)),
    "playbacks.get": Operation("GET", "/playbacks/{playbackId}", errors=(404,)),
    "playbacks.stop": Operation("DELETE", "/playbacks/{playbackId}", errors=(404,)),
    "recordings.cancel": Operation("DELETE", "/recordings/live/{recordingName}", errors=(404,)),
    "recordings.copyStored": Operation("POST", "/recordings/stored/{recordingName}/copy", required=("destinationRecordingName",), errors=(404, 409)),
    "recordings.deleteStored": Operation("DELETE", "/recordings/stored/{recordingName}", errors=(404,)),
    "recordings.getLive": Operation("GET", "/recordings/live/{recordingName}", errors=(404,)),
    "recordings.getStored": Operation("GET", "/recordings/stored/{recordingName}", errors=(404,)),
    "recordings.getStoredFile": Operation("GET", "/recordings/stored/{recordingName}/file", errors=(403, 404)),
    "recordings.listStored": Operation("GET", "/recordings/stored"),
    "recordings.mute": Operation("POST", "/recordings/live/{recordingName}/mute", errors=(404, 409)),
    "recordings.pause": Operation("POST", "/recordings/live/{recordingName}/pause", errors=(404, 409)),
    "recordings.stop": Operation("POST", "/recordings/live/{recordingName}/stop", errors=(404,)),
    "recordings.unmute": Operation("DELETE", "/recordings/live/{recordingName}/mute", errors=(404, 409)),
    "recordings.unpause": Operation("DELETE", "/recordings/live/{recordingName}/pause", errors=(404, 409)),
    "sounds.get": Operation("GET", "/sounds/{soundId}"),
    "sounds.list": Operation("GET", "/sounds", optional=("lang", "format")),
}
