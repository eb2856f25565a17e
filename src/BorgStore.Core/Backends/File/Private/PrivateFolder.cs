using System.Collections.Concurrent;

namespace BorgStore.Backends.Files;

/// <summary>A folder that must be its user's own, with no link in it: whoever can write to a cache decides what its values are.</summary>
/// <remarks>
/// <para>As OpenSSH does with <c>StrictModes</c>: the folder and those above it belong to the user or to root, and nobody else may
/// write to them, except to folders above that are sticky, such as <c>/tmp</c>. The group that has the user's own number is the
/// user's alone, as distributions set it up.</para>
/// <para>Since nobody else can change the folder afterwards, each directory in it is checked once. Where the owner cannot be found
/// out (macOS and others), only links and the permissions of the folder itself are checked; on Windows only links.</para>
/// </remarks>
/// <param name="root">The absolute path of the folder.</param>
internal sealed class PrivateFolder(string root)
{
    private const int WritableByGroup = 0x10; // 0020
    private const int WritableByOthers = 0x02; // 0002
    private const int OpenToOthers = 0x3F; // 0077
    private const int Sticky = 0x200; // 01000

    private readonly LinuxCalls? _calls = LinuxCalls.IsSupported ? new LinuxCalls(root) : null;
    private readonly ConcurrentDictionary<string, bool> _checked = new();
    // Nobody else gets past the folder itself, so that the permissions of what is in it don't matter.
    private volatile bool _isClosedToOthers;

    /// <summary>Checks an item or directory, and the directories on the way to it. What is absent is in order.</summary>
    /// <exception cref="FileFailure"><see cref="StoreError.PermissionDenied"/>: it is a link, or others may change it.</exception>
    public void CheckItem(string name)
    {
        if (name.Length == 0) CheckRoot();
        else if (CheckDirectories(name)) CheckEntry(name, $"'{name}'", mustBeDirectory: false);
    }

    /// <summary>Checks the directories on the way to a name.</summary>
    /// <returns>Whether they are there.</returns>
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
        if (_calls is null)
        {
            if (!OperatingSystem.IsWindows() && Directory.Exists(root) && File.GetUnixFileMode(root).HasFlag(UnixFileMode.OtherWrite))
                throw Writable("its folder");
            return;
        }
        if (!_calls.TryGetStatus("", out var status)) return;
        CheckOwner(status, "its folder", mayBeWritable: false);
        _isClosedToOthers = (status.Permissions & OpenToOthers) == 0;
        // The directories that are really above, whatever links the path runs through.
        for (var path = ".."; _calls.TryGetStatus(path, out var above); path += "/..")
        {
            if ((above.Device, above.Inode) == (status.Device, status.Inode)) break;
            CheckOwner(above, "a folder above it", mayBeWritable: (above.Permissions & Sticky) != 0);
            status = above;
        }
    }

    private bool CheckEntry(string name, string shown, bool mustBeDirectory)
    {
        if (_calls is null)
        {
            if (PortableCalls.IsLink(Path.Combine(root, name))) throw Link(shown);
            return Path.Exists(Path.Combine(root, name));
        }
        if (!_calls.TryGetStatus(name, out var status, LibC.AtNoFollow)) return false;
        if (!status.IsDirectory && (mustBeDirectory || !status.IsRegularFile)) throw Link(shown);
        CheckOwner(status, shown, mayBeWritable: _isClosedToOthers);
        return true;
    }

    private static void CheckOwner(in LibC.StatusBuffer status, string shown, bool mayBeWritable)
    {
        var user = LibC.GetUser();
        if (status.Owner != user && status.Owner != 0)
            throw new FileFailure(StoreError.PermissionDenied, $"{shown} belongs to another user");
        var others = status.Group == user ? WritableByOthers : WritableByOthers | WritableByGroup;
        if ((status.Permissions & others) != 0 && !mayBeWritable) throw Writable(shown);
    }

    private static FileFailure Link(string shown)
        => new(StoreError.PermissionDenied, $"{shown} is a link, or something else that does not belong in a cache");

    private static FileFailure Writable(string shown)
        => new(StoreError.PermissionDenied, $"other users may write to {shown}; run chmod go-w on it, or choose another folder");
}
