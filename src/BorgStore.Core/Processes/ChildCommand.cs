namespace BorgStore.Processes;

/// <summary>What a child process is started with.</summary>
/// <param name="FileName">The program: a path, or a name that is looked up in <c>PATH</c>.</param>
/// <param name="Arguments">Its arguments, each as it is; no shell reads them.</param>
internal sealed record ChildCommand(string FileName, IReadOnlyList<string> Arguments)
{
    /// <summary>Variables that differ from those of this process; <see langword="null"/> removes one.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Gets each line that the child writes to its standard error, on any thread.</summary>
    public Action<string>? ErrorLine { get; init; }

    /// <summary>How long the child may take to end by itself once its input is closed, and then again once it was asked to.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(2);
}
