//! Frames over a Unix socket: a tag, a length, the bytes, and descriptors beside the first of them.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::error::{Explain, HostError, Kind, Result};

/// A request or an answer as JSON.
pub const MESSAGE: u8 = 0;
/// Bytes that a command wrote to its standard output.
pub const OUTPUT: u8 = 1;
/// Bytes that a command wrote to its standard error.
pub const ERROR: u8 = 2;

/// Descriptors that one frame can carry.
const DESCRIPTORS: usize = 8;
/// The longest frame that is believed; a script or an answer is far shorter.
const LONGEST: usize = 256 << 20;

/// One end of the socket.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
}

/// What came.
#[derive(Debug)]
pub struct Frame {
    /// [`MESSAGE`], [`OUTPUT`] or [`ERROR`].
    pub tag: u8,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Descriptors that came beside them, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
}

impl Channel {
    /// Over a connected stream socket.
    pub fn new(socket: OwnedFd) -> Channel {
        Channel { socket }
    }

    /// A second handle on the same end.
    ///
    /// # Errors
    /// When no descriptor is free.
    pub fn try_clone(&self) -> Result<Channel> {
        let socket = self.socket.try_clone().doing(|| "duplicate a socket".into())?;
        Ok(Channel { socket })
    }

    /// Ends the conversation in both directions, whoever else holds the socket.
    pub fn shut_down(&self) {
        // It fails only if the other end is gone already, which is what is wanted.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`Kind::Lost`] when the other end is gone.
    pub fn send_message(&self, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> Result<()> {
        let bytes = serde_json::to_vec(message)
            .map_err(|error| HostError::new(Kind::Invalid, "speak with the helper", error.to_string()))?;
        self.send(MESSAGE, &bytes, descriptors)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// [`Kind::Lost`] when the other end is gone.
    pub fn send(&self, tag: u8, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<()> {
        let length = u32::try_from(bytes.len())
            .map_err(|_| HostError::new(Kind::Invalid, "speak with the helper", "the message is too long"))?;
        let mut frame = Vec::with_capacity(5 + bytes.len());
        frame.push(tag);
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(bytes);
        let mut sent = self.send_some(&frame, descriptors)?;
        while sent < frame.len() {
            sent += self.send_some(&frame[sent..], &[])?;
        }
        Ok(())
    }

    fn send_some(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(HostError::new(
                Kind::Invalid,
                "speak with the helper",
                "too many descriptors",
            ));
        }
        let slices = [IoSlice::new(bytes)];
        rustix::io::retry_on_intr(|| rustix::net::sendmsg(&self.socket, &slices, &mut control, SendFlags::NOSIGNAL))
            .doing(|| "speak with the helper".into())
    }

    /// Waits for the next frame; `None` when the other end has closed the socket.
    ///
    /// # Errors
    /// [`Kind::Lost`] when it was closed in the middle of a frame.
    pub fn receive(&self) -> Result<Option<Frame>> {
        let mut descriptors = Vec::new();
        let mut head = [0; 5];
        if !self.fill(&mut head, &mut descriptors)? {
            return Ok(None);
        }
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > LONGEST {
            return Err(HostError::new(
                Kind::Invalid,
                "hear the helper",
                "the message is too long",
            ));
        }
        let mut bytes = vec![0; length];
        if length > 0 && !self.fill(&mut bytes, &mut descriptors)? {
            return Err(lost());
        }
        Ok(Some(Frame {
            tag: head[0],
            bytes,
            descriptors,
        }))
    }

    /// Reads all of `bytes`; `false` when the socket ended before the first of them.
    fn fill(&self, bytes: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> Result<bool> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.receive_some(&mut bytes[filled..], descriptors)? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(lost()),
                count => filled += count,
            }
        }
        Ok(true)
    }

    fn receive_some(&self, bytes: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(bytes)];
        let received = rustix::io::retry_on_intr(|| {
            rustix::net::recvmsg(&self.socket, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)
        });
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(came) = message {
                descriptors.extend(came);
            }
        }
        match received {
            Ok(message) => Ok(message.bytes),
            // A socket that was closed with bytes unread says so this way.
            Err(rustix::io::Errno::CONNRESET) => Ok(0),
            Err(error) => Err(HostError::of_io("hear the helper", error)),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Frame {
    /// The message in it.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when it is none.
    pub fn message<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.bytes)
            .map_err(|error| HostError::new(Kind::Invalid, "hear the helper", error.to_string()))
    }
}

fn lost() -> HostError {
    HostError::new(Kind::Lost, "hear the helper", "it is gone")
}
