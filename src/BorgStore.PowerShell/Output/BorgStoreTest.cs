namespace BorgStore.Commands;

/// <summary>What works with a store. What could not be found out is <see langword="null"/>.</summary>
public sealed class BorgStoreTest
{
    internal BorgStoreTest(string uri) => Uri = uri;

    /// <summary>The URL, without its password.</summary>
    public string Uri { get; }

    /// <summary>Whether the storage answers.</summary>
    public bool? Reach { get; internal set; }

    /// <summary>Whether there is a store.</summary>
    public bool? Exists { get; internal set; }

    /// <summary>Whether its namespaces and all of their levels are known.</summary>
    public bool? Layout { get; internal set; }

    /// <summary>Whether items can be listed.</summary>
    public bool? List { get; internal set; }

    /// <summary>Whether a value can be read.</summary>
    public bool? Read { get; internal set; }

    /// <summary>What does not work, and what to do.</summary>
    public string? Problem { get; internal set; }

    internal bool IsUsable => Reach == true && Exists == true && List != false && Read != false;
}
