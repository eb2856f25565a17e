namespace BorgStore.Processes;

/// <summary>The command line and options of a child process.</summary>
/// <param name="FileName">The program: a path, or a name that is looked up in <c>PATH</c>.</param>
/// <param name="Arguments">Its arguments, which are passed unchanged, without a shell.</param>
internal sealed record ChildCommand(string FileName, IReadOnlyList<string> Arguments)
{
    /// <summary>Environment variables that differ from those of this process; <see langword="null"/> removes one.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Called on any thread with each line of the child's standard error.</summary>
    public Action<string>? ErrorLine { get; init; }

    /// <summary>How long the child may take to end after its input is closed, and again after it is asked to end.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(2);
}
