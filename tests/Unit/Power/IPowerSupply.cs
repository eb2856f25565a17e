namespace BorgStore.Tests.Power;

/// <summary>A mounted file system whose power can be cut.</summary>
internal interface IPowerSupply : IAsyncDisposable
{
    /// <summary>The mount point.</summary>
    string Path { get; }

    /// <summary>Completes when the power is cut by <see cref="ArmAsync"/>.</summary>
    Task Off { get; }

    /// <summary>Has the power cut later.</summary>
    /// <param name="changes">The number of changes and syncs until then.</param>
    /// <param name="seed">Decides which of the unsynced changes survive.</param>
    Task ArmAsync(int changes, int seed);

    /// <summary>Cuts the power now, if that did not happen yet. From then on, everything fails.</summary>
    Task<Losses> CutAsync();

    /// <summary>Switches the power on again, after all programs that used the file system have ended.</summary>
    Task RestoreAsync();
}

/// <summary>What a power cut lost.</summary>
/// <param name="Names">The changes of names.</param>
/// <param name="Pages">The pages of 4096 bytes.</param>
internal readonly record struct Losses(int Names, int Pages)
{
    public static Losses operator +(Losses a, Losses b) => new(a.Names + b.Names, a.Pages + b.Pages);
}
