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

    /// <summary>The name that it has until then; <see langword="null"/> where there is none.</summary>
    public string? Temporary { get; set; }

    /// <summary>Whether the server was asked to rename it.</summary>
    public bool IsPublishing { get; set; }

    /// <summary>Ends when nothing reads from the caller's stream any more.</summary>
    public Task SourceReleased { get; private set; } = Task.CompletedTask;

    /// <summary>Makes up a temporary name. No two attempts share one: what is left of a lost one can't harm the next.</summary>
    public string BeginTemporary()
    {
        IsPublishing = false;
        return Temporary = $"{Name}.{Random.Shared.NextInt64():x16}{Suffixes.Temporary}";
    }

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
