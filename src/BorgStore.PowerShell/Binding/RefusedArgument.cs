using System.Management.Automation;
using System.Runtime.CompilerServices;

namespace BorgStore.Commands;

/// <summary>Arguments that a transformation could not understand. The engine puts a record of its own around whatever a transformation throws;
/// so the transformation returns a stand-in, and the cmdlet throws the reason, whose identifier is that of its other errors.</summary>
internal static class RefusedArgument
{
    private static readonly ConditionalWeakTable<object, StoreException> Reasons = [];
    private static volatile bool _any;

    /// <summary>Marks a stand-in.</summary>
    /// <param name="standIn">An object of the parameter's type that nothing else uses.</param>
    /// <param name="reason">Why the argument was refused.</param>
    /// <returns>The stand-in.</returns>
    public static T Mark<T>(T standIn, StoreException reason) where T : class
    {
        Reasons.Add(standIn, reason);
        _any = true;
        return standIn;
    }

    /// <summary>Throws why one of the arguments was refused, if one was.</summary>
    public static void Check(IEnumerable<object?> arguments)
    {
        if (!_any) return;
        foreach (var argument in arguments)
            if ((argument is PSObject wrapped ? wrapped.BaseObject : argument) is { } plain && Reasons.TryGetValue(plain, out var reason)) throw reason;
    }
}
