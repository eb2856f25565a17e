using System.Collections.Concurrent;
using BorgStore.Backends.Files.Linux;
using BorgStore.Backends.Files.Portable;

namespace BorgStore.Backends.Files.Private;

/// <summary>A folder that must be owned by the user and contain no links: whoever can write to a cache controls its values.</summary>
/// <remarks>
/// <para>Like OpenSSH with <c>StrictModes</c>: the folder and those above it must be owned by the user
/// or root, and only the owner may write to them; folders above may also be sticky, such as <c>/tmp</c>.
/// A group with the user's own number counts as the user's alone, as distributions set it up.</para>
/// <para>Since nobody else can change the folder afterwards, each directory in it is checked only once. Where the owner is not
/// available (macOS and others), only links and the permissions of the folder itself are checked; on Windows only links.</para>
/// </remarks>
/// <param name="root">The absolute path of the folder.</param>
internal sealed class PrivateFolder(string root)
{
    private const int WritableByGroup = 0x10; // 0020
    private const int WritableByOthers = 0x02; // 0002
    private const int OpenToOthers = 0x3F; // 0077
    private const int Sticky = 0x200; // 01000

    private readonly LinuxFileSystem? _fileSystem = LinuxFileSystem.IsSupported ? new LinuxFileSystem(root) : null;
    private readonly ConcurrentDictionary<string, bool> _checked = new();
    // Others cannot get past the folder itself, so permissions inside it don't matter.
    private volatile bool _isClosedToOthers;

    /// <summary>Checks an item or directory, and the directories in its path. Absent ones pass.</summary>
    /// <exception cref="StoreException"><see cref="StoreError.PermissionDenied"/> if it is a link, or others can change it.</exception>
    public void CheckItem(string name)
    {
        if (name.Length == 0) CheckRoot();
        else if (CheckDirectories(name)) CheckEntry(name, $"'{name}'", mustBeDirectory: false);
    }

    /// <summary>Checks the directories in the path of a name.</summary>
    /// <returns>Whether they exist.</returns>
    public bool CheckDirectories(string name)
    {
        for (var slash = name.IndexOf('/'); slash >= 0; slash = name.IndexOf('/', slash + 1))
        {
            var directory = name[..slash];
            if (_checked.ContainsKey(directory)) continue;
            if (!CheckEntry(directory, $"the directory '{directory}'", mustBeDirectory: true)) return false;
            _checked.TryAdd(directory, true);
        }
        return true;
    }

    private void CheckRoot()
    {
        if (_fileSystem is null)
        {
            if (!OperatingSystem.IsWindows() && Directory.Exists(root) && File.GetUnixFileMode(root).HasFlag(UnixFileMode.OtherWrite))
                throw Writable("its folder");
            return;
        }
        if (!_fileSystem.TryGetStatus("", out var status)) return;
        CheckOwner(status, "its folder", mayBeWritable: false);
        _isClosedToOthers = (status.Permissions & OpenToOthers) == 0;
        // The physical parents, whatever links the path runs through.
        for (var path = ".."; _fileSystem.TryGetStatus(path, out var above); path += "/..")
        {
            if ((above.Device, above.Inode) == (status.Device, status.Inode)) break;
            CheckOwner(above, "a folder above it", mayBeWritable: (above.Permissions & Sticky) != 0);
            status = above;
        }
    }

    private bool CheckEntry(string name, string shown, bool mustBeDirectory)
    {
        if (_fileSystem is null)
        {
            if (PortableFileSystem.IsLink(Path.Combine(root, name))) throw Link(shown);
            return Path.Exists(Path.Combine(root, name));
        }
        if (!_fileSystem.TryGetStatus(name, out var status, LibC.AtNoFollow)) return false;
        if (!status.IsDirectory && (mustBeDirectory || !status.IsRegularFile)) throw Link(shown);
        CheckOwner(status, shown, mayBeWritable: _isClosedToOthers);
        return true;
    }

    private static void CheckOwner(in LibC.StatusBuffer status, string shown, bool mayBeWritable)
    {
        var user = LibC.GetUser();
        if (status.Owner != user && status.Owner != 0)
            throw FileSystem.Failure(StoreError.PermissionDenied, $"{shown} belongs to another user");
        var others = status.Group == user ? WritableByOthers : WritableByOthers | WritableByGroup;
        if ((status.Permissions & others) != 0 && !mayBeWritable) throw Writable(shown);
    }

    private static StoreException Link(string shown)
        => FileSystem.Failure(StoreError.PermissionDenied, $"{shown} is a link, or something else that does not belong in a cache");

    private static StoreException Writable(string shown)
        => FileSystem.Failure(StoreError.PermissionDenied, $"other users may write to {shown}; run chmod go-w on it, or choose another folder");
}
