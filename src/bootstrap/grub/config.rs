//! What GRUB is told: the few lines inside the loader that find `grub.cfg`, and `grub.cfg` itself.

use std::fmt::Write;

/// What the configuration is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// UUID of the file system with `/boot/grub`.
    pub boot_uuid: String,
    /// Where `/boot` lies in that file system: `/boot`, or empty where it has one of its own.
    pub boot_prefix: String,
    /// What the kernel gets as `root=`: `PARTUUID=...`, or `UUID=...` on a disk without a table.
    pub root: String,
    /// The newest kernel in `/boot`: `vmlinuz-6.1.0-18-cloud-amd64`.
    pub kernel: String,
    /// Its initial file system, if it has one.
    pub initrd: Option<String>,
    /// Whether the root has the links `/vmlinuz` (and `/initrd.img`, if the second is set) that Debian's kernel packages
    /// keep at the newest kernel.
    pub links: Option<Links>,
    /// Whether loader and kernel speak on the first serial line.
    pub serial: bool,
    /// More arguments of the kernel.
    pub arguments: Vec<String>,
    /// Seconds for which the menu waits.
    pub timeout: u64,
}

/// The links that a distribution keeps at its newest kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Links {
    /// Whether there is one for the initial file system too.
    pub initrd: bool,
}

/// Speed of the serial line, in bits per second.
const SPEED: u32 = 115_200;

impl Config {
    /// The lines inside the loader: they find the file system by its UUID, so the order of disks does not matter.
    pub fn early(&self) -> String {
        format!(
            "search --no-floppy --fs-uuid --set=root {}\nset prefix=($root){}/grub\n",
            self.boot_uuid, self.boot_prefix
        )
    }

    /// `grub.cfg`.
    ///
    /// Its first entry boots what the links of the distribution point to, so a kernel that is installed later (by a
    /// step, or by an upgrade of the running machine) is the one that boots; the second names the kernel that was
    /// newest when this was written. `update-grub` of the image may replace the file: it is an ordinary one, and the
    /// loader holds every module that such a configuration asks for.
    pub fn text(&self) -> String {
        let mut text = String::from("# Written by bake; update-grub may replace it.\n");
        text += &self.terminal();
        let _ = writeln!(text, "set default=0\nset timeout={}\n", self.timeout);
        let newest = format!("{}/{}", self.boot_prefix, self.kernel);
        let initrd = self.initrd.as_ref().map(|name| format!("{}/{name}", self.boot_prefix));
        match self.links {
            Some(links) => {
                let linked = self.entry("Linux", "/vmlinuz", links.initrd.then_some("/initrd.img"));
                let _ = writeln!(text, "if [ -e /vmlinuz ]; then\n{linked}fi");
                text += &self.entry(&format!("Linux ({})", self.kernel), &newest, initrd.as_deref());
            }
            None => text += &self.entry("Linux", &newest, initrd.as_deref()),
        }
        text
    }

    fn terminal(&self) -> String {
        if !self.serial {
            return String::new();
        }
        format!("serial --unit=0 --speed={SPEED}\nterminal_input serial console\nterminal_output serial console\n")
    }

    fn entry(&self, title: &str, kernel: &str, initrd: Option<&str>) -> String {
        let mut arguments = vec![format!("root={}", self.root), "ro".to_owned()];
        if self.serial {
            arguments.extend(["console=tty0".to_owned(), format!("console=ttyS0,{SPEED}")]);
        }
        arguments.extend(self.arguments.iter().map(|argument| quoted(argument)));
        let initrd = initrd.map(|path| format!("    initrd {path}\n")).unwrap_or_default();
        format!(
            "menuentry '{title}' {{\n    linux {kernel} {}\n{initrd}}}\n",
            arguments.join(" ")
        )
    }
}

/// One word for GRUB's shell: quoted if it holds what the shell would read otherwise.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,:/+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The newest of the kernels in a listing of `/boot`, and the initial file system that belongs to it.
///
/// Newest is what `sort -V` puts last.
pub fn newest_kernel(names: &[String]) -> Option<(String, Option<String>)> {
    let is_kernel = |name: &&String| name.starts_with("vmlinuz-") || name.starts_with("vmlinux-") || *name == "vmlinuz";
    let kernel = names.iter().filter(is_kernel).max_by_key(|name| version_key(name))?;
    let version = kernel.split_once('-').map(|(_, version)| version);
    let wanted = match version {
        Some(version) => vec![
            format!("initrd.img-{version}"),
            format!("initramfs-{version}.img"),
            format!("initrd-{version}"),
        ],
        None => vec!["initrd.img".to_owned(), "initrd".to_owned()],
    };
    let initrd = wanted.into_iter().find(|name| names.contains(name));
    Some((kernel.clone(), initrd))
}

/// Digits compare as numbers, all else as text.
fn version_key(name: &str) -> Vec<(u64, String)> {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, tail) = rest.split_at(text_end);
        let number_end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(number_end);
        key.push((0, text.to_owned()));
        key.push((number.parse().unwrap_or(0), String::new()));
        rest = tail;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            boot_uuid: "1111".to_owned(),
            boot_prefix: "/boot".to_owned(),
            root: "PARTUUID=3333".to_owned(),
            kernel: "vmlinuz-6.1".to_owned(),
            initrd: Some("initrd.img-6.1".to_owned()),
            links: None,
            serial: true,
            arguments: vec!["quiet".to_owned(), "x=a b".to_owned()],
            timeout: 0,
        }
    }

    #[test]
    fn the_newest_kernel_is_booted_with_its_initrd() {
        let text = config().text();
        assert!(text.contains(
            "    linux /boot/vmlinuz-6.1 root=PARTUUID=3333 ro console=tty0 console=ttyS0,115200 quiet 'x=a b'\n"
        ));
        assert!(text.contains("    initrd /boot/initrd.img-6.1\n"));
        assert!(config().early().ends_with("set prefix=($root)/boot/grub\n"));
    }

    #[test]
    fn links_of_the_distribution_come_first() {
        let mut config = config();
        config.links = Some(Links { initrd: true });
        let text = config.text();
        let (linked, named) = (
            text.find("linux /vmlinuz ").unwrap(),
            text.find("linux /boot/vmlinuz-6.1 ").unwrap(),
        );
        assert!(linked < named && text.contains("initrd /initrd.img\n"));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let names = [
            "vmlinuz-6.1.0-9",
            "vmlinuz-6.1.0-18",
            "initrd.img-6.1.0-9",
            "config-6.1.0-18",
            "initramfs-6.1.0-18.img",
        ];
        let names: Vec<String> = names.map(str::to_owned).to_vec();
        let newest = newest_kernel(&names).unwrap();
        assert_eq!(
            newest,
            ("vmlinuz-6.1.0-18".to_owned(), Some("initramfs-6.1.0-18.img".to_owned()))
        );
        assert_eq!(newest_kernel(&["System.map".to_owned()]), None);
    }
}
