using System.Text.Json;
using BorgStore.Hashing;

namespace BorgStore.Backends.Rclone;

/// <summary>The capabilities of a remote as rclone reports them, and what follows for us.</summary>
internal sealed class RcloneRemote
{
    // Since this version rclone reports which remotes show incomplete values.
    private static readonly Version PartialUploadsVersion = new(1, 63);

    private readonly HashSet<string> _hashes;

    /// <summary>Parses rclone's description of a remote.</summary>
    /// <param name="remote">The remote as the user named it.</param>
    /// <param name="info">The response to <c>operations/fsinfo</c>.</param>
    /// <param name="version">The version of rclone.</param>
    public RcloneRemote(string remote, JsonElement info, Version version)
    {
        var features = info.GetProperty("Features");
        bool Has(string feature) => features.TryGetProperty(feature, out var value) && value.ValueKind == JsonValueKind.True;

        HasOnlyPrefixes = Has("BucketBased");
        IsLocal = Has("IsLocal");
        Copies = Has("Copy") || IsLocal;
        ConfigName = info.GetProperty("Name").GetString()!;
        ListsTrees = Has("ListR");
        var reportsPartialUploads = version >= PartialUploadsVersion;
        NeedsTemporaryNames = (Has("Move") || Has("Copy")) && (reportsPartialUploads
            // WebDAV servers differ, so the missing feature guarantees nothing.
            ? Has("PartialUploads") || info.GetProperty("String").GetString()!.StartsWith("webdav ", StringComparison.Ordinal)
            : !HasOnlyPrefixes);
        // Since that version rclone itself uploads under temporary names to remotes that would show incomplete values.
        ReplacesByMove = HasOnlyPrefixes || IsLocal || (reportsPartialUploads && NeedsTemporaryNames);
        _hashes = info.GetProperty("Hashes").ValueKind == JsonValueKind.Array
            ? [.. info.GetProperty("Hashes").EnumerateArray().Select(hash => hash.GetString()!)]
            : [];
        ServedName = ChooseServedName(remote, ConfigName, info.GetProperty("Root").GetString()!);
    }

    /// <summary>The remote in the form for download addresses; <see langword="null"/> if it has none.</summary>
    public string? ServedName { get; }

    /// <summary>Whether directories are only prefixes of names, as in an object store, where values also appear atomically.</summary>
    public bool HasOnlyPrefixes { get; }

    /// <summary>Whether it is a folder of this machine, where rclone's work per call takes longer than the storage's.</summary>
    public bool IsLocal { get; }

    /// <summary>The name of the remote without a path, which also identifies its settings.</summary>
    public string ConfigName { get; }

    /// <summary>Whether a copy within the remote is not transferred over a network: the storage makes it, or rclone on this machine.</summary>
    public bool Copies { get; }

    /// <summary>Whether the remote can list a whole tree at once.</summary>
    public bool ListsTrees { get; }

    /// <summary>Whether values must be uploaded under a temporary name, because incomplete ones would be visible.</summary>
    public bool NeedsTemporaryNames { get; }

    /// <summary>Whether a move onto an existing item replaces it atomically. Otherwise rclone deletes that item first.</summary>
    public bool ReplacesByMove { get; }

    /// <summary>Returns whether the remote knows the hashes of its values, or computes them itself.</summary>
    /// <param name="kind">The kind of hash.</param>
    public bool Supports(HashKind kind) => _hashes.Contains(kind.Name);

    // In an address, rclone up to 1.60 does not accept "//" and no version accepts "]", and connection strings
    // contain both. While a remote is open, rclone also knows it by a generated name without parameters.
    private static string? ChooseServedName(string remote, string name, string root)
    {
        if (CanServe(remote)) return remote;
        var own = name == "local" ? root : $"{name}:{root}";
        return CanServe(own) ? own : null;
    }

    private static bool CanServe(string remote)
        => !remote.Contains(']') && !remote.Contains("//", StringComparison.Ordinal) && !remote.Split('/').Any(part => part is "." or "..");
}
