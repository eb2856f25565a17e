using BorgStore.Naming;

namespace BorgStore.Backends.Sftp.Values;

/// <summary>A value being written, across all attempts.</summary>
/// <param name="name">The final name.</param>
/// <param name="mode">What to do if that name is taken.</param>
internal sealed class PendingWrite(string name, StoreMode mode)
{
    /// <summary>The final name.</summary>
    public string Name { get; set; } = name;

    /// <summary>What to do if that name is taken.</summary>
    public StoreMode Mode => mode;

    /// <summary>The current temporary name; <see langword="null"/> if there is no file.</summary>
    public string? Temporary { get; set; }

    /// <summary>Whether the rename to the final name was requested.</summary>
    public bool IsPublishing { get; set; }

    /// <summary>The name for the file of a lost attempt that must not be published any more.</summary>
    public string? Withdrawn { get; set; }

    /// <summary>Whether the last attempt was withdrawn after its rename had been requested.</summary>
    public bool WasWithdrawn { get; private set; }

    /// <summary>All temporary names that files may have.</summary>
    public IEnumerable<string> AllTemporary => new[] { Temporary, Withdrawn }.OfType<string>();

    /// <summary>A task that completes when nothing reads from the caller's stream any more.</summary>
    public Task SourceReleased { get; private set; } = Task.CompletedTask;

    /// <summary>Chooses a temporary name for an attempt. Each attempt has its
    /// own, so that the remains of a lost one cannot affect the next.</summary>
    public string BeginTemporary()
    {
        (IsPublishing, WasWithdrawn) = (false, false);
        return Temporary = NewTemporary();
    }

    /// <summary>Returns a new temporary name.</summary>
    public string NewTemporary() => $"{Name}.{Random.Shared.NextInt64():x16}{Suffixes.Temporary}";

    /// <summary>Records that the file of a lost attempt was renamed to <see cref="Withdrawn"/>.</summary>
    public void Withdraw() => (Temporary, Withdrawn, IsPublishing, WasWithdrawn) = (Withdrawn, null, false, true);

    /// <summary>Marks the caller's stream as in use.</summary>
    /// <returns>An object that ends the use when it is disposed.</returns>
    public IDisposable UseSource()
    {
        var source = new Source();
        SourceReleased = source.Released;
        return source;
    }

    private sealed class Source : IDisposable
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Released => _released.Task;

        public void Dispose() => _released.TrySetResult();
    }
}
