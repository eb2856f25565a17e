using System.Text.Json;
using BorgStore.Hashing;

namespace BorgStore.Backends.Rclone;

/// <summary>What a remote can do, as rclone tells it, and what follows for us.</summary>
internal sealed class RcloneRemote
{
    // Since this version rclone says which remotes show a value that is not yet whole.
    private static readonly Version TellsPartialUploads = new(1, 63);

    private readonly HashSet<string> _hashes;

    /// <summary>Reads what rclone says of a remote.</summary>
    /// <param name="remote">The remote as the user named it.</param>
    /// <param name="info">The answer to <c>operations/fsinfo</c>.</param>
    /// <param name="version">The version of rclone.</param>
    public RcloneRemote(string remote, JsonElement info, Version version)
    {
        var features = info.GetProperty("Features");
        bool Has(string feature) => features.TryGetProperty(feature, out var value) && value.ValueKind == JsonValueKind.True;

        HasOnlyPrefixes = Has("BucketBased");
        IsLocal = Has("IsLocal");
        ListsTrees = Has("ListR");
        var tellsPartialUploads = version >= TellsPartialUploads;
        NeedsTemporaryNames = (Has("Move") || Has("Copy")) && (tellsPartialUploads
            // Servers behind WebDAV differ, so that rclone's silence about them is no promise.
            ? Has("PartialUploads") || info.GetProperty("String").GetString()!.StartsWith("webdav ", StringComparison.Ordinal)
            : !HasOnlyPrefixes);
        // From that version on rclone does the same itself wherever values would be seen unfinished.
        ReplacesByMove = HasOnlyPrefixes || IsLocal || (tellsPartialUploads && NeedsTemporaryNames);
        _hashes = info.GetProperty("Hashes").ValueKind == JsonValueKind.Array
            ? [.. info.GetProperty("Hashes").EnumerateArray().Select(hash => hash.GetString()!)]
            : [];
        ServedName = ChooseServedName(remote, info.GetProperty("Name").GetString()!, info.GetProperty("Root").GetString()!);
    }

    /// <summary>The remote as it stands in the address of a download; <see langword="null"/> where it cannot.</summary>
    public string? ServedName { get; }

    /// <summary>Whether directories are only what names suggest, as in an object store, where a value also appears as a whole.</summary>
    public bool HasOnlyPrefixes { get; }

    /// <summary>Whether it is a folder of this machine, where what rclone does for each call takes longer than the storage.</summary>
    public bool IsLocal { get; }

    /// <summary>Whether the remote lists a whole tree at once.</summary>
    public bool ListsTrees { get; }

    /// <summary>Whether values get their name only when they are whole.</summary>
    public bool NeedsTemporaryNames { get; }

    /// <summary>Whether a move onto an existing item replaces it in one step. Elsewhere rclone deletes that first.</summary>
    public bool ReplacesByMove { get; }

    /// <summary>Whether the remote knows the hashes of its values, or computes them where they are.</summary>
    /// <param name="kind">The kind of hash.</param>
    public bool Knows(HashKind kind) => _hashes.Contains(kind.Name);

    // Rclone up to 1.60 takes no "//" in an address, and no version takes a "]", both of which connection strings have. Rclone also
    // knows a remote by a name of its own making, which holds no parameters, as long as it keeps the remote open.
    private static string? ChooseServedName(string remote, string name, string root)
    {
        if (CanServe(remote)) return remote;
        var own = name == "local" ? root : $"{name}:{root}";
        return CanServe(own) ? own : null;
    }

    private static bool CanServe(string remote)
        => !remote.Contains(']') && !remote.Contains("//", StringComparison.Ordinal) && !remote.Split('/').Any(part => part is "." or "..");
}
