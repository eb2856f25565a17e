using System.Text.Json;
using System.Text.Json.Serialization;

namespace BorgStore.Verification;

/// <summary>How far a pass through a store is, as it is kept in a file between runs.</summary>
internal sealed partial class VerificationState
{
    private const int CurrentVersion = 1;

    // A state is a few hundred bytes; a larger file is something else.
    private const int MaxFileSize = 1 << 20;

    /// <summary>The version of the format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>The store's URL, without secrets.</summary>
    public required string Store { get; init; }

    /// <summary>The namespaces that are verified; <see langword="null"/> for the whole store.</summary>
    public IReadOnlyList<string>? Namespaces { get; init; }

    /// <summary>When the pass began (UTC).</summary>
    public DateTime Started { get; init; } = DateTime.UtcNow;

    /// <summary>When the pass reached the end of the store (UTC); <see langword="null"/> before that.</summary>
    public DateTime? Completed { get; set; }

    /// <summary>Whether what concerns the whole store was checked: files outside namespaces, left-over files and missing items.</summary>
    public bool IsStoreChecked { get; set; }

    /// <summary>Whether something in the store tells which items there should be.</summary>
    public bool FindsMissing { get; set; }

    /// <summary>The namespace in which the pass is; <see langword="null"/> at the beginning.</summary>
    public string? Namespace { get; set; }

    /// <summary>The path below the namespace that was checked last, if directories are walked one after another; <see langword="null"/> if none was.</summary>
    public string? After { get; set; }

    /// <summary>The path below the namespace that was checked last, if the storage lists the whole tree; <see langword="null"/> if none was.</summary>
    /// <remarks>Not the same property, because the order is another one. Earlier versions do not know it and check the namespace anew.</remarks>
    public string? AfterInTree { get; set; }

    /// <summary>How far the pass is in the namespace; <see langword="null"/> at its beginning.</summary>
    [JsonIgnore]
    public WalkPosition? Position => AfterInTree is { } listed ? new(listed, IsInTree: true) : After is { } path ? new(path, IsInTree: false) : null;

    /// <summary>The total weight of the store at the beginning of the pass, of which a percentage is a part.</summary>
    public long? Weight { get; set; }

    /// <summary>What the pass has done and found.</summary>
    public VerificationCounts Counts { get; init; } = new();

    /// <summary>Records how far the pass is.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="position">The position in it.</param>
    public void Advance(string ns, WalkPosition position)
    {
        Namespace = ns;
        After = position.IsInTree ? null : position.Path;
        AfterInTree = position.IsInTree ? position.Path : null;
    }

    /// <summary>Loads the state of an unfinished pass.</summary>
    /// <param name="path">The file.</param>
    /// <param name="store">The URL of the store that is to be verified, without secrets.</param>
    /// <param name="namespaces">The namespaces that are to be verified.</param>
    /// <returns>The state; a new one if there is no file or its pass was completed.</returns>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/>: the file is something else, or of another verification.</exception>
    public static VerificationState Load(string path, string store, IReadOnlyList<string>? namespaces)
    {
        var created = new VerificationState { Store = store, Namespaces = namespaces };
        if (Directory.Exists(path)) throw new StoreException(StoreError.InvalidArgument, $"'{path}' is a folder. Specify the path of a file for the state of the verification.", path);
        if (!File.Exists(path)) return created;
        if (Read(path) is not { Version: CurrentVersion } state)
            throw new StoreException(StoreError.InvalidArgument, $"'{path}' is not the state of a verification, and was left as it is. Specify another file.", path);
        if (state.Store.TrimEnd('/') != store.TrimEnd('/'))
            throw new StoreException(StoreError.InvalidArgument,
                $"'{path}' is the state of the verification of another store, '{StoreUrl.Redact(state.Store)}', and was left as it is. Specify a file for each store.", path);
        if (state.Completed is not null) return created;
        if (!(state.Namespaces ?? []).SequenceEqual(namespaces ?? []))
            throw new StoreException(StoreError.InvalidArgument,
                $"'{path}' is the state of a verification of {(state.Namespaces is { } other ? $"only {string.Join(", ", other)}" : "the whole store")}. Specify the same namespaces, or another file.", path);
        return state;
    }

    /// <summary>Replaces the file, so that it has either the old state or the new one.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/>: it cannot be written.</exception>
    public void Save(string path)
    {
        try
        {
            ReplacedFile.Write(path, file => JsonSerializer.Serialize(file, this, Format.Default.VerificationState));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreError.InvalidArgument,
                $"The state of the verification could not be written to '{path}': {e.Message} Specify a file in an existing folder that you may write to.", path, e);
        }
    }

    /// <summary>Reads a file of any version.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The state, or <see langword="null"/> if the file is something else.</returns>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/>: it cannot be read.</exception>
    public static VerificationState? Read(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // A file that was edited by hand may have null in their place.
            return file.Length <= MaxFileSize && JsonSerializer.Deserialize(file, Format.Default.VerificationState) is { Store: not null, Counts: not null } state ? state : null;
        }
        catch (JsonException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreError.InvalidArgument, $"The state of the verification could not be read from '{path}': {e.Message}", path, e);
        }
    }

    [JsonSourceGenerationOptions(WriteIndented = true)]
    [JsonSerializable(typeof(VerificationState))]
    private sealed partial class Format : JsonSerializerContext;
}
