using BorgStore.Naming;

namespace BorgStore.Backends.Sftp.Values;

/// <summary>A value on its way to its name, over all attempts.</summary>
/// <param name="name">The name that it gets at last.</param>
/// <param name="mode">What to do where that name is taken.</param>
internal sealed class Writing(string name, StoreMode mode)
{
    /// <summary>The name that it gets at last.</summary>
    public string Name { get; set; } = name;

    /// <summary>What to do where that name is taken.</summary>
    public StoreMode Mode => mode;

    /// <summary>The name that it has until then; <see langword="null"/> if there is none.</summary>
    public string? Temporary { get; set; }

    /// <summary>Whether the server was asked to rename it.</summary>
    public bool IsPublishing { get; set; }

    /// <summary>The name that the file of a lost attempt gets where it must not be given its own any more.</summary>
    public string? Withdrawn { get; set; }

    /// <summary>Whether the last attempt was withdrawn after the server was asked to rename it.</summary>
    public bool WasWithdrawn { get; private set; }

    /// <summary>All the names that something may have that is not stored.</summary>
    public IEnumerable<string> AllTemporary => new[] { Temporary, Withdrawn }.OfType<string>();

    /// <summary>Ends when nothing reads from the caller's stream any more.</summary>
    public Task SourceReleased { get; private set; } = Task.CompletedTask;

    /// <summary>Makes up a temporary name. No two attempts share one: what is left of a lost one can't harm the next.</summary>
    public string BeginTemporary()
    {
        (IsPublishing, WasWithdrawn) = (false, false);
        return Temporary = NewTemporary();
    }

    /// <summary>Makes up a temporary name.</summary>
    public string NewTemporary() => $"{Name}.{Random.Shared.NextInt64():x16}{Suffixes.Temporary}";

    /// <summary>The file of a lost attempt has the name now that is for such.</summary>
    public void Withdraw() => (Temporary, Withdrawn, IsPublishing, WasWithdrawn) = (Withdrawn, null, false, true);

    /// <summary>Begins to read from the caller's stream.</summary>
    /// <returns>What ends that when it is disposed.</returns>
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
