// pion as a foreign peer; see stack.py for the lines that it reads and writes.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
)

type message map[string]interface{}

var lock sync.Mutex

func say(value message) {
	lock.Lock()
	defer lock.Unlock()
	line, _ := json.Marshal(value)
	os.Stdout.Write(append(line, '\n'))
}

func check(err error) {
	if err != nil {
		say(message{"type": "fault", "text": err.Error()})
		os.Exit(1)
	}
}

// Whether an RTP payload (RFC 6184) begins or holds an IDR picture.
func isKeyFrame(payload []byte) bool {
	if len(payload) < 2 {
		return false
	}
	switch payload[0] & 0x1f {
	case 5:
		return true
	case 28:
		return payload[1]&0x9f == 0x85
	case 24:
		for at := 1; at+2 < len(payload); at += 2 + int(payload[at])<<8 + int(payload[at+1]) {
			if payload[at+2]&0x1f == 5 {
				return true
			}
		}
	}
	return false
}

func main() {
	role := os.Args[1]
	// one picture as the payload of one packet, sent again and again
	picture, err := hex.DecodeString(os.Args[2])
	check(err)
	peer, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	check(err)
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	microphone, err := webrtc.NewTrackLocalStaticSample(opus, "microphone", "callbox")
	check(err)
	h264 := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}
	camera, err := webrtc.NewTrackLocalStaticRTP(h264, "camera", "callbox")
	check(err)
	var video uint32
	peer.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		say(message{"type": "media", "kind": track.Kind().String()})
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			video = uint32(track.SSRC())
		}
		whole, shown := false, false
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if track.Kind() == webrtc.RTPCodecTypeVideo && isKeyFrame(packet.Payload) {
				say(message{"type": "key_frame"})
				whole = true
			}
			if whole && packet.Marker && !shown && track.Kind() == webrtc.RTPCodecTypeVideo {
				shown = true
				say(message{"type": "picture"})
			}
		}
	})
	peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			say(message{"type": "connected"})
			go func() {
				for range time.Tick(20 * time.Millisecond) {
					sample := media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: 20 * time.Millisecond}
					if microphone.WriteSample(sample) != nil {
						return
					}
				}
			}()
			go func() {
				header := rtp.Header{Version: 2, Marker: true}
				for range time.Tick(time.Second / 15) {
					header.SequenceNumber++
					header.Timestamp += 6000
					if camera.WriteRTP(&rtp.Packet{Header: header, Payload: picture}) != nil {
						return
					}
				}
			}()
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			say(message{"type": "ended", "state": state.String()})
		}
	})
	gathered := webrtc.GatheringCompletePromise(peer)
	_, err = peer.AddTrack(microphone)
	check(err)
	_, err = peer.AddTrack(camera)
	check(err)
	if role == "offer" {
		offer, err := peer.CreateOffer(nil)
		check(err)
		check(peer.SetLocalDescription(offer))
		<-gathered
		say(message{"type": "offer", "sdp": peer.LocalDescription().SDP})
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		var command struct{ Do, Sdp string }
		check(json.Unmarshal(lines.Bytes(), &command))
		switch {
		case command.Do == "describe" && role == "offer":
			check(peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: command.Sdp}))
		case command.Do == "describe":
			check(peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: command.Sdp}))
			answer, err := peer.CreateAnswer(nil)
			check(err)
			check(peer.SetLocalDescription(answer))
			<-gathered
			say(message{"type": "answer", "sdp": peer.LocalDescription().SDP})
		case command.Do == "key_frame":
			check(peer.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: video}}))
		case command.Do == "full_intra_request":
			check(peer.WriteRTCP([]rtcp.Packet{&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: video, SequenceNumber: 1}}}}))
		case command.Do == "close":
			check(peer.Close())
			return
		}
	}
}
